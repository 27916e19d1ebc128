//! Which set a session wants, and what its own is called.

use cachewit_guest::{Fact, Session, Set};

/// The longest name that a set may have.
const LONGEST_NAME: usize = 200;

/// The name under which a session on this branch publishes: the branch, with what a name may not have replaced.
pub(crate) fn set_name(branch: &Fact) -> String {
    let branch = branch.known().filter(|branch| !branch.is_empty()).unwrap_or("detached");
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._/@=+-".contains(c) { c } else { '-' };
    branch.chars().map(allowed).take(LONGEST_NAME).collect()
}

/// What a session looks for among the sets.
pub(crate) struct Wish {
    stream: Option<String>,
    branch: String,
    defaults: Vec<String>,
}

impl Wish {
    /// What this session looks for.
    pub(crate) fn of(session: &dyn Session, default_branches: &[String]) -> Self {
        let default_name = |branch: &String| set_name(&Fact::Known(branch.clone()));
        Self {
            stream: session.fact("stream").known().map(str::to_owned),
            branch: set_name(&session.fact("branch")),
            defaults: default_branches.iter().map(default_name).collect(),
        }
    }

    /// The number of the set that helps this session most among those of a target; `sets` has the newest first. The same job covers
    /// nearly all of what will be asked, whichever branch it ran on; another job of the default branch at least shares its packages.
    pub(crate) fn choose(&self, sets: &[Set], target: u32) -> Option<u32> {
        let rank = |set: &Set| {
            let same_stream = self.stream.as_ref() == Some(&set.stream);
            match (same_stream, set.name == self.branch) {
                (true, true) => Some(0),
                (true, false) => Some(1),
                _ => self.defaults.contains(&set.name).then_some(2),
            }
        };
        let ranked = sets.iter().filter(|set| set.target == target).filter_map(|set| Some((rank(set)?, set.index)));
        // The first of equals wins, which is the newest.
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, index)| index)
    }
}
