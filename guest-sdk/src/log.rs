//! Lines for the person who debugs the policy: `cachewit_guest::log::warn(format_args!("…"))`.

use std::fmt::Arguments;

/// Something failed.
pub fn error(message: Arguments<'_>) {
    write(1, message);
}

/// Something is odd.
pub fn warn(message: Arguments<'_>) {
    write(2, message);
}

/// Something happened.
pub fn info(message: Arguments<'_>) {
    write(3, message);
}

/// Detail.
pub fn debug(message: Arguments<'_>) {
    write(4, message);
}

fn write(level: u32, message: Arguments<'_>) {
    #[cfg(target_arch = "wasm32")]
    {
        use crate::bindings::context::cachewit::policy::log;
        // Formatting costs more than asking.
        if level <= log::max_level() {
            log::log(level, &message.to_string());
        }
    }
    #[cfg(not(target_arch = "wasm32"))]
    crate::fake::keep_line(level, message.to_string());
}
