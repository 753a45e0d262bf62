//! The `lockkeeper` binary: everything is in the library.

fn main() -> std::process::ExitCode {
    lockkeeper::cli::main()
}
