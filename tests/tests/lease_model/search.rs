//! Every state that a scenario can reach, each visited once.

use crate::session::{Outcome, Request, Session, Stage, Worker};
use crate::world::{Change, Lease, World};
use std::collections::HashSet;

/// Who asks what in which session, and what may happen meanwhile.
pub struct Scenario {
    /// A session's number and what a worker of it is asked.
    pub requests: &'static [(u8, Request)],
    /// Sessions start with their leases held; otherwise creating one is part of the search.
    pub leases_held: bool,
    pub trims: u8,
    pub kills: u8,
}

/// What a search saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub states: usize,
    pub hits: usize,
    pub misses: usize,
    pub placed: usize,
    pub placed_privately: usize,
    pub unlinked: usize,
    pub quiescent: usize,
}

/// The shortest way to a broken promise.
#[derive(Debug)]
pub struct Violation {
    pub promise: &'static str,
    pub way: Vec<String>,
}

/// A step that can be taken next, and where it leads.
struct Successor {
    step: String,
    outcome: Outcome,
    world: World,
}

impl Scenario {
    /// Both the empty store and one that holds the object for the first action.
    fn starts(&self) -> [World; 2] {
        let mut empty = World { trims_left: self.trims, kills_left: self.kills, ..World::default() };
        for (number, &(session, request)) in self.requests.iter().enumerate() {
            let own = usize::from(session);
            empty.sessions[own].stage = if self.leases_held { Stage::ReadGeneration } else { Stage::CreateLease };
            empty.leases[own] = if self.leases_held { Lease::Locked } else { Lease::Absent };
            empty.workers[number] = Worker { session, request: Some(request), ..Worker::default() };
        }
        [empty, World { rows: [true, false], file: true, ..empty }]
    }

    /// Goes through all interleavings, breadth first.
    pub fn search(&self, change: Option<Change>) -> Result<Seen, Violation> {
        let mut seen = Seen::default();
        // The states in the order of discovery, each with the number of the one it was discovered from.
        let mut states: Vec<(World, usize)> = self.starts().map(|start| (start, usize::MAX)).into();
        let mut known: HashSet<World> = self.starts().into();
        let mut current = 0;
        while let Some(&(world, _)) = states.get(current) {
            let successors = successors(&world, change);
            if successors.is_empty() {
                seen.quiescent += 1;
                rest(&world, change).map_err(|promise| way(&states, current, promise, "all have gone", change))?;
            }
            for Successor { step, outcome, world: next } in successors {
                seen.count(outcome);
                seen.unlinked += usize::from(world.file && !next.file);
                if let Some(promise) = next.broken_promise() {
                    return Err(way(&states, current, promise, &step, change));
                }
                if known.insert(next) {
                    states.push((next, current));
                }
            }
            current += 1;
        }
        seen.states = states.len();
        Ok(seen)
    }
}

impl Seen {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Nothing => {}
            Outcome::Hit => self.hits += 1,
            Outcome::Miss => self.misses += 1,
            Outcome::Placed => self.placed += 1,
            Outcome::PlacedPrivately => self.placed_privately += 1,
        }
    }
}

/// The steps that lead to state `current`, then `last`.
fn way(states: &[(World, usize)], current: usize, promise: &'static str, last: &str, change: Option<Change>) -> Violation {
    let mut way = vec![last.to_owned()];
    let (mut world, mut before) = states[current];
    while let Some(&(earlier, origin)) = states.get(before) {
        way.extend(successors(&earlier, change).into_iter().find(|successor| successor.world == world).map(|successor| successor.step));
        (world, before) = (earlier, origin);
    }
    way.reverse();
    Violation { promise, way }
}

/// Every step that somebody can take in `world`.
fn successors(world: &World, change: Option<Change>) -> Vec<Successor> {
    let mut next = Vec::new();
    let mut add = |step: String, after: Option<World>| {
        next.extend(after.map(|world| Successor { step, outcome: Outcome::Nothing, world }));
    };
    for (number, session) in world.sessions.iter().enumerate() {
        add(format!("session {number}: {:?}", session.stage), world.step_session(number, change));
        add(format!("session {number} is killed"), world.kill_session(number));
    }
    add(format!("trimmer: {:?}", world.trimmer.step), world.step_trimmer(change));
    add(format!("trimmer is killed before {:?}", world.trimmer.step), world.kill_trimmer());
    for (number, worker) in world.workers.iter().enumerate() {
        if let Some((after, outcome)) = world.step_worker(number, change) {
            let step = format!("session {}, {:?}: {:?}, {outcome:?}", worker.session, worker.request, worker.step);
            next.push(Successor { step, outcome, world: after });
        }
    }
    next
}

/// What must hold when everybody has gone: one more trim leaves nothing doomed and no orphan behind, and `go` can put what it
/// does not get and get it from then on.
fn rest(world: &World, change: Option<Change>) -> Result<(), &'static str> {
    let mut world = World { trims_left: 1, kills_left: 0, ..*world };
    if world.sessions.iter().any(|session| !matches!(session.stage, Stage::None | Stage::Ended)) {
        return Err("a session cannot go on");
    }
    for action in 0..2 {
        let outcome = alone(&world, Request::Get(action), change)?.1;
        if outcome == Outcome::Hit && !world.file {
            return Err("a hit on an absent path");
        }
    }
    let interrupted = world.doomed;
    while let Some(next) = world.step_trimmer(change) {
        world = next;
    }
    if world.doomed {
        return Err("a trim left its object doomed");
    }
    if !interrupted && (world.file || world.rows != [false; 2]) {
        return Err("a trim that nothing stood against left something");
    }
    for action in 0..2 {
        world = alone(&world, Request::GetOrPut(action), change)?.0;
        if alone(&world, Request::Get(action), change)?.1 != Outcome::Hit {
            return Err("a miss that was put is a miss again");
        }
    }
    Ok(())
}

/// A new session that does one thing while nobody else is there.
fn alone(world: &World, request: Request, change: Option<Change>) -> Result<(World, Outcome), &'static str> {
    let mut world = *world;
    world.sessions[0] = Session { stage: Stage::CreateLease, ..Session::default() };
    world.workers[0] = Worker { session: 0, request: Some(request), ..Worker::default() };
    let mut last = Outcome::Nothing;
    loop {
        if let Some((next, outcome)) = world.step_worker(0, change) {
            world = next;
            last = if outcome == Outcome::Nothing { last } else { outcome };
        } else if let Some(next) = world.step_session(0, change) {
            world = next;
        } else {
            return Ok((world, last));
        }
        if let Some(promise) = world.broken_promise() {
            return Err(promise);
        }
    }
}
