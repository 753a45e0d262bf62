//! Where a backup lies that is no file here: `s3://BUCKET/KEY`.

/// What the address of an object begins with.
pub const SCHEME: &str = "s3://";

/// Returns bucket and key (or prefix, without slashes around it) of an address; `None`: it is
/// none, or names more than these two, as a user or a port would be.
#[must_use]
pub fn parse(address: &str) -> Option<(&str, &str)> {
    let rest = address.strip_prefix(SCHEME)?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let is_bucket = bucket.len() >= 3 && bucket.chars().all(is_plain);
    is_bucket.then(|| (bucket, key.trim_matches('/')))
}

/// Returns true for a place that is no path on this machine.
#[must_use]
pub fn is_elsewhere(place: &str) -> bool {
    place.starts_with(SCHEME)
}

/// Why something that needs a file is not done with an object.
pub const FETCH: &str =
    "it lies in an object store: copy it and its manifest into a directory of backups first";
