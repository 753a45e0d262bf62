//! The SQL that brings rows of one table back.

use lockkeeper::domain::tables::{Classes, Column, Inbound, Shape};

fn column(name: &str) -> Column {
    Column { name: name.to_owned(), ..Column::default() }
}

fn users() -> Shape {
    Shape {
        schema: "public".into(),
        name: "Users".into(),
        columns: vec![
            column("id"),
            column("name"),
            Column { generated: true, ..column("shout") },
            column("new"),
        ],
        key: vec!["id".into()],
        inbound: vec![Inbound {
            table: "orders".into(),
            name: "by user".into(),
            definition: "FOREIGN KEY (user_id) REFERENCES \"Users\"(id)".into(),
        }],
        staged: vec!["id".into(), "name".into()],
        ..Shape::default()
    }
}

const ALL: Classes = Classes { missing: true, changed: true, only_live: true };

#[test]
fn a_merge_names_the_common_columns_and_never_cascades() {
    let sql = users().merge(ALL).expect("it can be merged");
    assert_eq!(
        sql,
        "LOCK TABLE public.\"Users\" IN SHARE ROW EXCLUSIVE MODE;\n\
         DELETE FROM public.\"Users\" l WHERE NOT EXISTS (SELECT FROM restore_stage.\"Users\" s \
         WHERE l.id = s.id);\n\
         UPDATE public.\"Users\" l SET name = s.name\n  FROM restore_stage.\"Users\" s WHERE l.id = \
         s.id AND ROW(s.name)::record *<> ROW(l.name)::record;\n\
         INSERT INTO public.\"Users\" (id, name) OVERRIDING SYSTEM VALUE\n  SELECT id, name FROM \
         restore_stage.\"Users\" s WHERE NOT EXISTS (SELECT FROM public.\"Users\" l WHERE l.id = \
         s.id);\n"
    );
    let whole = sql + &users().replace().expect("it can be replaced");
    for never in ["CASCADE", "session_replication_role"] {
        assert!(!whole.contains(never), "{never}");
    }
}

#[test]
fn a_replacement_takes_keys_off_and_puts_them_back() {
    let sql = users().replace().expect("it can be replaced");
    let place = |what: &str| sql.find(what).unwrap_or_else(|| panic!("no {what}: {sql}"));
    let order = [
        "ACCESS EXCLUSIVE",
        "ALTER TABLE orders DROP CONSTRAINT \"by user\"",
        "TRUNCATE TABLE public.\"Users\";",
        "INSERT INTO",
        "ALTER TABLE orders ADD CONSTRAINT \"by user\" FOREIGN KEY",
    ];
    assert!(order.map(place).is_sorted(), "{sql}");
}

#[test]
fn what_cannot_be_told_apart_or_set_is_refused_with_the_reason() {
    let refused = |shape: &Shape, what: &str| {
        let why = shape.merge(ALL).expect_err("it is refused");
        assert!(why.contains(what), "{why}");
    };
    refused(&Shape { key: Vec::new(), ..users() }, "cannot be told apart");
    refused(&Shape { staged: Vec::new(), ..users() }, "nothing of public.\"Users\" is staged");
    refused(&Shape { key: vec!["new".into()], ..users() }, "the backup has no column new");
    let mut fixed = users();
    fixed.columns[1].identity_always = true;
    refused(&fixed, "no UPDATE sets it");
    assert!(users().merge(Classes::default()).is_err(), "nothing was chosen");
    let cautions = users().cautions();
    assert_eq!(cautions, ["the backup has no new: rows that come back get the default"]);
}
