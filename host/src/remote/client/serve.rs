//! The client's thread: takes commands and runs them side by side.

use super::answer::Core;
use super::{Command, Shared};
use crate::remote::share;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinSet, LocalSet};

pub(super) fn run(shared: Arc<Shared>, commands: UnboundedReceiver<Command>) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            LocalSet::new().block_on(&runtime, serve(shared, commands));
            // A name look-up that hangs sits on a thread of the runtime's and must not hold us back.
            runtime.shutdown_background();
        }
        // The commands are dropped unanswered: misses.
        Err(error) => shared.targets.iter().for_each(|target| target.note(&error)),
    }
}

async fn serve(shared: Arc<Shared>, mut commands: UnboundedReceiver<Command>) {
    let core = Core::new(Arc::clone(&shared));
    let mut tasks = JoinSet::new();
    while let Some(command) = commands.recv().await {
        match command {
            Command::Miss { action, cost, reply } => {
                core.start_loading(&mut tasks);
                let core = Rc::clone(&core);
                tasks.spawn_local(async move { core.answer(action, cost, reply).await });
            }
            Command::Share { job, done } => {
                let shared = Arc::clone(&shared);
                tasks.spawn_local(async move {
                    let report = share::run(&shared.targets, shared.local.as_ref(), *job).await;
                    // Nobody listens any more if the session gave up.
                    let _ = done.send(report);
                });
            }
            Command::Stop => break,
        }
        while tasks.try_join_next().is_some() {}
    }
}
