//! The program: `frontdesk serve`, and everything the operator does on the shell. See `cli`.

fn main() -> std::process::ExitCode {
    frontdesk::cli::run()
}
