//! A real process over what a crash left.

use crate::disk::{self, Image};
use crate::recording::Puts;
use cachewit::model::Digest;
use cachewit_tests::script::{Home, noise};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A folder that is left by a crash, and what must be found in it.
pub struct State {
    pub name: String,
    pub image: Image,
    /// Actions, and how many of their outputs are out of date.
    pub found: BTreeMap<Digest, usize>,
    /// Whether the machine stayed on: then there is nothing to speak of.
    pub silent: bool,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub states: u64,
    pub gets: u64,
    pub hits: u64,
    pub misses: u64,
    /// Of the states, those with a line on stderr.
    pub lines: u64,
    /// What is not as it must be, each with the state that it was seen in.
    pub wrong: Vec<String>,
}

impl Figures {
    pub fn add(&mut self, other: Self) {
        self.states += other.states;
        self.gets += other.gets;
        self.hits += other.hits;
        self.misses += other.misses;
        self.lines += other.lines;
        self.wrong.extend(other.wrong);
    }
}

/// Checks one state after another.
pub struct Checker<'a> {
    home: Home,
    puts: &'a Puts,
    figures: Figures,
}

impl<'a> Checker<'a> {
    /// On a file system that is memory, where there is one: thousands of folders are written.
    pub fn new(puts: &'a Puts) -> Self {
        let memory = Some(PathBuf::from("/dev/shm")).filter(|folder| tempfile::tempfile_in(folder).is_ok());
        Self { home: Home::below(&memory.unwrap_or_else(std::env::temp_dir)), puts, figures: Figures::default() }
    }

    /// What was seen.
    pub fn figures(self) -> Figures {
        self.figures
    }

    fn wrong(&mut self, state: &State, what: &str) {
        self.figures.wrong.push(format!("{}: {what}", state.name));
    }

    /// Looks at a state.
    pub fn check(&mut self, state: &State) {
        let root = self.home.path().join("gocache/cachewit");
        if root.exists() {
            std::fs::remove_dir_all(&root).expect("the folder of the last state can be removed");
        }
        std::fs::create_dir(&root).expect("a folder");
        disk::write(&state.image, &root);
        self.figures.states += 1;

        let mut go = self.home.session(&[]).start();
        let puts = self.puts;
        for (action, outputs) in puts {
            self.figures.gets += 1;
            let of_date = state.found.get(action);
            match go.get(*action) {
                Some(hit) => {
                    self.figures.hits += 1;
                    if !hit.is_whole() {
                        self.wrong(state, &format!("{action} has damaged bytes"));
                    } else if !outputs[of_date.copied().unwrap_or(0)..].contains(&hit.output) {
                        self.wrong(state, &format!("{action} has the output {} of another time", hit.output));
                    }
                }
                None if of_date.is_some() => self.wrong(state, &format!("{action} is not found")),
                None => self.figures.misses += 1,
            }
        }
        // And it goes on: something new, and something that was there before the crash or that it took.
        let new = (Digest::of(b"after the crash"), noise(4_711, 3_000));
        let old = (Digest::of(b"again"), noise(1, 3_000));
        for (action, body) in [&new, &old] {
            go.put(*action, body);
            if go.get(*action).is_none_or(|hit| !hit.is_whole()) {
                self.wrong(state, "what was just put is not found");
            }
        }
        let ended = go.close();
        self.end(state, &ended);

        // The next session finds what was put after the crash; so much is looked at in every fourth state.
        if !state.silent && !self.figures.states.is_multiple_of(4) {
            return;
        }
        // A name that a dead trim had doomed is kept from the second time on.
        for patience in [1, 0] {
            let mut go = self.home.session(&[]).start();
            let mut again = false;
            for (action, body) in [&new, &old] {
                match go.get(*action) {
                    Some(hit) if hit.is_whole() => {}
                    None if patience > 0 && *action == old.0 => {
                        go.put(*action, body);
                        again = true;
                    }
                    _ => self.wrong(state, "what was put after the crash is not found by the next session"),
                }
            }
            let ended = go.close();
            self.end(state, &ended);
            if !again {
                return;
            }
        }
    }

    fn end(&mut self, state: &State, ended: &cachewit_tests::script::Ended) {
        if !ended.success {
            self.wrong(state, &format!("the host failed: {}", ended.stderr));
        }
        let lines: Vec<&str> = ended.stderr.lines().collect();
        self.figures.lines += u64::from(!lines.is_empty());
        // A damaged index is set aside, and objects that did not reach the disk are counted.
        let known = |line: &&str| line.contains("set aside") || line.contains("before") && line.contains("had reached the disk");
        if state.silent && !lines.is_empty() || lines.len() > 2 || !lines.iter().all(known) {
            self.wrong(state, &format!("it says {lines:?}"));
        }
    }
}
