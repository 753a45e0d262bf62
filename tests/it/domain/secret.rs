//! Secrets in what a program prints.

use lockkeeper::domain::secret::masked;
use proptest::prelude::*;

#[test]
fn the_value_of_a_field_that_is_called_a_password_is_masked() {
    for (line, shown) in [
        ("    password: 'hunter2',", "    password: '•••',"),
        ("  \"password\": \"hun\\\"ter2\", \"x\": 1", "  \"password\": \"•••\", \"x\": 1"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=••• psql"),
        ("host=h password=hunter2 dbname=d", "host=h password=••• dbname=d"),
        ("password: hunter2", "password: •••"),
        ("{'db_password': `hunter2`}", "{'db_password': `•••`}"),
        ("ALTER ROLE a PASSWORD 'hunter2'", "ALTER ROLE a PASSWORD '•••'"),
        ("'sslPassword' => 'hunter2'", "'sslPassword' => '•••'"),
        ("AUTH_TOKEN=abc; clientSecret: \"d\"", "AUTH_TOKEN=•••; clientSecret: \"•••\""),
        ("password: 'cut off", "password: '•••"),
        ("postgres://u:hunter2@h:5432/d?x=1", "postgres://u:•••@h:5432/d?x=1"),
        ("at a://u:p@h and b://v:q@r@i", "at a://u:•••@h and b://v:•••@i"),
    ] {
        assert_eq!(masked(line), shown, "{line}");
        assert_eq!(masked(shown), shown, "a second time: {line}");
    }
}

#[test]
fn what_only_speaks_of_passwords_stays_as_it_is() {
    for line in [
        "FATAL:  password authentication failed for user \"x\"",
        "column \"password\" of relation \"users\" does not exist",
        "ALTER TABLE users ADD COLUMN password varchar(10)",
        "password: null, token: undefined,",
        "password: [Getter/Setter], secret: {",
        "password: ''",
        "http://host:80/path and user@host:x",
        "",
    ] {
        assert_eq!(masked(line), line);
    }
}

proptest! {
    #[test]
    fn a_secret_in_quotation_marks_never_stays(
        before in "[ -~é•]{0,12}",
        secret in "[a-zA-Z0-9!#%+*]{4,12}",
        after in "[ -~é]{0,12}",
    ) {
        let before = before.replace(['"', '\'', '`'], "");
        prop_assume!(!before.contains(&secret) && !after.contains(&secret));
        let shown = masked(&format!("{before} password: '{secret}'{after}"));
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }

    #[test]
    fn any_line_can_be_masked(line in "\\PC{0,60}") {
        let _ = masked(&line);
    }
}
