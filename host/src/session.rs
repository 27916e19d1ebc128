//! One `go` command: handshake, request loop, close, and the work after it.

use crate::cache::{Cache, Ending, Hit, Looked};
use crate::config::{Config, Environment};
use crate::fault::Faults;
use crate::platform;
use crate::protocol::{BodyEnd, Lost, Request, Requests, encode};
use crate::store::Layout;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// Writes the greeting: the first thing that a host does, before anything is opened.
pub fn greet() -> io::Result<()> {
    let mut out = Vec::with_capacity(64);
    encode::greeting(&mut out);
    write_out(&out)
}

/// Serves the `go` command behind stdin and stdout after [`greet`]. Returns what broke the framing, if anything did: then nothing more
/// can be answered, and the program is to end with an error.
pub fn serve(config: Config, environment: &Environment, early_faults: Vec<String>) -> Result<(), Lost> {
    platform::ignore_interrupts();
    platform::enlarge_pipes();
    // Read now: by the end of the session `go` may be gone.
    let parent = platform::parent_arguments();
    let faults = Arc::new(Faults::new(Layout::new(&config.root).ok().map(|layout| layout.journal())));
    for fault in early_faults {
        faults.say(&fault, &fault);
    }
    faults.say_what_was_left();
    let cache = Cache::open(config, environment, parent.as_deref(), faults.clone());
    let mut requests = Requests::new(io::stdin().lock());
    let ending = answer(&cache, &mut requests);
    // From here on nothing waits for us, and nothing of `go`'s may be held.
    if !matches!(ending, Ok(Ending::Closed)) {
        cache.settle(Ending::Vanished);
    }
    platform::release_stdout();
    if let Err(lost) = ending {
        // The rest of the input means nothing, and what was put before it stays.
        faults.say_always(&lost);
        cache.finish(Ending::Vanished);
        return Err(lost);
    }
    faults.be_silent();
    platform::let_go_of_the_terminal();
    cache.finish(ending.unwrap_or(Ending::Vanished));
    Ok(())
}

/// Answers until close or the end of input. Replies that need no waiting are written from this thread, in one write as long as further
/// requests are in the buffer.
fn answer<R: Read>(cache: &Cache, requests: &mut Requests<R>) -> Result<Ending, Lost> {
    let mut out = Vec::with_capacity(16 << 10);
    let mut looked_ahead = false;
    loop {
        if !out.is_empty() && !requests.has_next() {
            // EPIPE: `go` is gone, and the end of input says so next.
            let _ = write_out(&out);
            out.clear();
            if !std::mem::replace(&mut looked_ahead, true) {
                cache.look_ahead();
            }
        }
        let request = match requests.next_request() {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(Ending::Vanished),
            Err(lost) => {
                let _ = write_out(&out);
                return Err(lost);
            }
        };
        match request {
            Request::Get { id, action } => match cache.get(action) {
                Looked::Hit(hit) => encode::hit(&mut out, id, &hit.output, hit.size, hit.put, &hit.path),
                Looked::Refused => encode::miss(&mut out, id),
                Looked::Nothing => {
                    let asked = cache.ask(action, move |hit| reply_later(id, hit.as_ref()));
                    if !asked {
                        encode::miss(&mut out, id);
                    }
                }
            },
            Request::Put { id, action, output, size } => {
                let body = if size == 0 {
                    Ok(None)
                } else {
                    let mut body = cache.put_body();
                    match requests.body(&mut |chunk| body.write(chunk)) {
                        Ok(BodyEnd::Complete) => Ok(Some(body)),
                        Ok(BodyEnd::Wrong(problem)) => {
                            body.discard();
                            Err(problem.to_string())
                        }
                        Err(lost) => {
                            body.discard();
                            let _ = write_out(&out);
                            return Err(lost);
                        }
                    }
                };
                let path = body.and_then(|body| cache.put(action, output, size, body).map_err(|error| error.to_string()));
                match path {
                    Ok(path) => encode::put(&mut out, id, &path),
                    Err(problem) => {
                        cache.refused();
                        encode::error(&mut out, id, &problem);
                    }
                }
            }
            Request::Close { id } => {
                cache.settle(Ending::Closed);
                encode::close(&mut out, id);
                let _ = write_out(&out);
                return Ok(Ending::Closed);
            }
            Request::Refused { id, problem } => {
                cache.refused();
                encode::error(&mut out, id, &problem.to_string());
            }
        }
    }
}

/// Answers from another thread, at once: nobody else will flush.
fn reply_later(id: i64, hit: Option<&Hit>) {
    let mut out = Vec::with_capacity(512);
    match hit {
        Some(hit) => encode::hit(&mut out, id, &hit.output, hit.size, hit.put, &hit.path),
        None => encode::miss(&mut out, id),
    }
    let _ = write_out(&out);
}

fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}
