//! Exit codes. They are an interface: scripts branch on them, so numbers never change meaning.

/// An error that no other code names.
pub const FAILED: u8 = 1;
/// Some of the input could not be read; the rest was done.
pub const INPUT: u8 = 3;
/// The store cannot be used.
pub const STORE: u8 = 4;
/// A model is missing, incomplete or altered.
pub const MODEL: u8 = 5;
/// The configuration or the city's files are broken.
pub const CONFIG: u8 = 6;
/// A check found something.
pub const FOUND: u8 = 7;

/// An error together with the code that the process ends with.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct Exit {
    /// The code.
    pub code: u8,
    /// What happened.
    pub source: anyhow::Error,
}

/// The code for an error: its own if it carries one, [`FAILED`] otherwise.
pub fn code_of(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<Exit>().map_or(FAILED, |exit| exit.code)
}

/// Gives the errors of a result a code.
pub trait OrExit<T> {
    /// The value, or the error with this code.
    fn or_exit(self, code: u8) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, code: u8) -> anyhow::Result<T> {
        self.map_err(|error| Exit { code, source: error.into() }.into())
    }
}
