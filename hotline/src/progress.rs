//! Progress bars: on a terminal for long work, nothing in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal;

/// A bar over so many steps, drawn on standard error if that is a terminal.
pub fn bar(steps: u64, what: &str) -> ProgressBar {
    let style = "{msg}  {wide_bar} {pos}/{len}  {elapsed}, {eta} to go";
    with_style(steps, what, style)
}

fn with_style(steps: u64, what: &str, style: &str) -> ProgressBar {
    // indicatif draws nothing when standard error is no terminal. It knows this process's own only.
    let target = if terminal::is_own() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(steps), target);
    bar.set_style(
        ProgressStyle::with_template(style).expect("the template is a constant of this file"),
    );
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
