//! How far a command that gathers artefacts is: bytes, speed and time left, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::printer::Printer;
use crate::artefact::store::Event;

/// A bar over bytes. What is not asked for yet is estimated by what is known.
pub(super) struct Progress {
    bar: ProgressBar,
    artefacts: u64,
    begun: u64,
    done: u64,
    /// Bytes of downloads whose length is known.
    expected: u64,
    /// Bytes downloaded.
    bytes: u64,
}

impl Progress {
    /// Over so many artefacts.
    pub(super) fn new(printer: &Printer, artefacts: usize) -> Self {
        let bar = ProgressBar::no_length();
        if !printer.shows_progress() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = "{bar:24} {prefix} {bytes} of about {total_bytes}, {bytes_per_sec}, {eta} left {wide_msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("a template that is tested"));
        bar.enable_steady_tick(Duration::from_millis(200));
        let artefacts = artefacts as u64;
        let (begun, done, expected, bytes) = (0, 0, 0, 0);
        Self {
            bar,
            artefacts,
            begun,
            done,
            expected,
            bytes,
        }
    }

    /// Something happened.
    pub(super) fn tell(&mut self, event: Event<'_>) {
        match event {
            Event::Scanning(folder) => {
                let text = format!("searching {}", folder.display());
                self.bar.set_message(text);
            }
            Event::Artefact(name) => {
                self.begun += 1;
                self.bar.set_message(name.to_owned());
            }
            Event::Expected(bytes) => self.expected += bytes,
            Event::Bytes(bytes) => self.bytes += bytes,
            Event::Done => self.done += 1,
        }
        self.bar
            .set_prefix(format!("{}/{}", self.done, self.artefacts));
        self.bar.set_length(self.estimate());
        self.bar.set_position(self.bytes);
    }

    /// Bytes of all downloads, if those to come are like those that began.
    fn estimate(&self) -> u64 {
        let to_come = self.artefacts.saturating_sub(self.begun);
        let known = self.expected.max(self.bytes);
        known + known / self.begun.max(1) * to_come
    }

    /// Takes it from the screen.
    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::printer::Color;
    use super::*;

    #[test]
    fn estimates_what_nobody_asked_for_yet() {
        let mut progress = Progress::new(&Printer::new(Color::Never, true, false), 4);
        progress.tell(Event::Artefact("a"));
        progress.tell(Event::Expected(100));
        progress.tell(Event::Bytes(40));
        assert_eq!(progress.estimate(), 400);
        progress.tell(Event::Artefact("b"));
        progress.tell(Event::Artefact("c"));
        progress.tell(Event::Artefact("d"));
        progress.tell(Event::Expected(20));
        assert_eq!(progress.estimate(), 120);
        // more came than was announced
        progress.tell(Event::Bytes(200));
        assert_eq!(progress.estimate(), 240);
    }
}
