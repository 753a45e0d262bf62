//! Names that nobody can guess, and no two have.

/// Returns 16 hexadecimal digits.
///
/// # Errors
/// When the system gives no randomness.
pub(in crate::io) fn digits() -> Result<String, String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}
