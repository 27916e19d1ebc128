//! Whether a store's size is felt: a fresh process over ten thousand entries and over a million, asked the same way.

use std::io::{BufRead as _, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::stats::{median, ratio};
use crate::product;
use crate::table::Table;
use crate::workspace::say;

/// The name that `--only` matches.
pub const NAME: &str = "large store";

const SIZES: [u32; 2] = [10_000, 1_000_000];
/// Fresh processes over each store.
const ROUNDS: usize = 150;
/// Requests to each process after its first.
const REQUESTS: usize = 100;

/// What `go` does before it asks for more: reads its packages.
const READING: Duration = Duration::from_millis(20);

/// Which of the walls a row of the table shows.
type Part = fn(&Walls) -> &[Duration];

/// What processes over one store took.
#[derive(Default)]
struct Walls {
    first: Vec<Duration>,
    unexpected: Vec<Duration>,
    expected: Vec<Duration>,
    late: Vec<Duration>,
}

/// Fills both stores and measures.
pub fn measure(binary: &Path, dir: &Path, random: &mut fastrand::Rng) -> Result<Table> {
    let stores: Vec<Store> = SIZES.iter().map(|size| Store::fill(binary, dir, *size)).collect::<Result<_>>()?;
    say(format!("{NAME}: {ROUNDS} rounds"));
    let mut walls: Vec<Walls> = SIZES.iter().map(|_| Walls::default()).collect();
    for round in 0..=ROUNDS {
        for (store, walls) in stores.iter().zip(&mut walls) {
            let anything = |random: &mut fastrand::Rng| (0..=REQUESTS).map(|_| random.u32(..store.size)).collect::<Vec<_>>();
            let same = anything(random);
            store.ask(&same, Duration::ZERO)?;
            let again = store.ask(&same, READING)?;
            let measured = store.ask(&anything(random), Duration::ZERO)?;
            // The first round is there to warm what the system keeps in memory.
            if round > 0 {
                walls.first.push(measured.first);
                walls.unexpected.push(median_of(&measured.further));
                walls.expected.push(median_of(&again.further));
                walls.late.push(measured.late);
            }
        }
    }
    let mut table = Table::new(1, &["a fresh process", "10,000 entries", "1,000,000 entries", "ratio", "95 % interval"]);
    let rows: [(&str, Part); 4] = [
        ("spawn to the first answer", |walls| &walls.first),
        ("a request as in the last session, to its answer", |walls| &walls.expected),
        ("a request for anything, to its answer", |walls| &walls.unexpected),
        ("a put, end of input to exit", |walls| &walls.late),
    ];
    for (name, of) in rows {
        let (small, large) = (of(&walls[0]), of(&walls[1]));
        let compared = ratio(large, small, random);
        let shown = |walls| format!("{:.3} ms", median(walls) * 1e3);
        let interval = format!("{:.2} to {:.2}", compared.low, compared.high);
        table.row(vec![name.to_owned(), shown(small), shown(large), format!("{:.2}", compared.value), interval]);
    }
    Ok(table)
}

fn median_of(durations: &[Duration]) -> Duration {
    Duration::from_secs_f64(median(durations))
}

/// A store of so many entries, every fourth of which is an empty body, as in a real one.
pub struct Store {
    binary: PathBuf,
    gocache: PathBuf,
    size: u32,
}

/// What one process took.
struct Measured {
    first: Duration,
    further: Vec<Duration>,
    late: Duration,
}

impl Store {
    /// Puts them in one session, into a folder below `dir`.
    pub fn fill(binary: &Path, dir: &Path, size: u32) -> Result<Self> {
        say(format!("{NAME}: {size} puts"));
        let store = Self { binary: binary.to_path_buf(), gocache: dir.join(format!("entries-{size}")), size };
        std::fs::create_dir_all(&store.gocache).context("cannot create a GOCACHE")?;
        let mut session = Session::start(&store)?;
        let requests = session.requests.take().context("the session has no input")?;
        let writer = std::thread::spawn(move || -> std::io::Result<()> {
            let mut requests = BufWriter::with_capacity(1 << 20, requests);
            for number in 0..size {
                write_put(&mut requests, i64::from(number) + 1, action(number), &body(number))?;
            }
            writeln!(requests, "{{\"ID\":{},\"Command\":\"close\"}}\n", i64::from(size) + 1)?;
            requests.flush()
        });
        for _ in 0..=size {
            let answer = session.answer()?;
            if answer.contains("\"Err\"") {
                bail!("a put was answered {answer}");
            }
        }
        writer.join().map_err(|_| anyhow::anyhow!("the thread that writes has panicked"))?.context("cannot write the puts")?;
        session.end()?;
        Ok(store)
    }

    /// Its GOCACHE.
    pub fn gocache(&self) -> &Path {
        &self.gocache
    }

    /// A fresh process: one request, more of them after a pause, one put, and the end of input.
    fn ask(&self, numbers: &[u32], pause: Duration) -> Result<Measured> {
        let (first, further) = numbers.split_first().context("there is nothing to ask")?;
        let begin = Instant::now();
        let mut session = Session::start(self)?;
        session.get(*first)?;
        let took = begin.elapsed();
        std::thread::sleep(pause);
        let mut walls = Vec::with_capacity(further.len());
        for number in further {
            let asked = Instant::now();
            session.get(*number)?;
            walls.push(asked.elapsed());
        }
        // The same again, so that the store stays as large as it is.
        let requests = session.requests.as_mut().context("the session has no input")?;
        write_put(requests, 1, action(*first), &body(*first)).context("cannot write a put")?;
        session.answer()?;
        let asked = Instant::now();
        session.end()?;
        Ok(Measured { first: took, further: walls, late: asked.elapsed() })
    }
}

fn action(number: u32) -> [u8; 32] {
    Sha256::digest([b"action".as_slice(), &number.to_le_bytes()].concat()).into()
}

fn request(number: u32) -> String {
    let action = STANDARD.encode(action(number));
    format!("{{\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{action}\"}}\n\n")
}

fn body(number: u32) -> Vec<u8> {
    if number.is_multiple_of(4) { Vec::new() } else { [b"body".as_slice(), &number.to_le_bytes()].concat() }
}

fn write_put(out: &mut impl Write, id: i64, action: [u8; 32], body: &[u8]) -> std::io::Result<()> {
    let output = STANDARD.encode(Sha256::digest(body));
    let action = STANDARD.encode(action);
    let size = body.len();
    writeln!(out, "{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"{action}\",\"OutputID\":\"{output}\",\"BodySize\":{size}}}\n")?;
    if size > 0 {
        writeln!(out, "\"{}\"", STANDARD.encode(body))?;
    }
    Ok(())
}

/// One process, spoken to as `go` speaks.
pub struct Session {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Session {
    /// Starts it without plugins and takes its greeting.
    pub fn start(store: &Store) -> Result<Self> {
        let config = store.gocache.join("empty.toml");
        if !config.exists() {
            std::fs::write(&config, product::EMPTY_CONFIG).context("cannot write a configuration")?;
        }
        Self::start_with(store, &config, None)
    }

    /// Starts it with this configuration, and a file for its summary, and takes its greeting.
    pub fn start_with(store: &Store, config: &Path, summaries: Option<&Path>) -> Result<Self> {
        let mut command = Command::new(&store.binary);
        command.arg("serve").arg("--config").arg(config).env("GOCACHE", &store.gocache).env_remove("CI");
        if let Some(summaries) = summaries {
            product::summarised_in(&mut command, summaries);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start cachewit")?;
        let answers = BufReader::new(child.stdout.take().context("the session has no output")?);
        let mut session = Self { requests: child.stdin.take(), child, answers };
        session.answer()?;
        Ok(session)
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).context("cannot read an answer")?;
        if line.is_empty() {
            bail!("the session ended before it had answered");
        }
        Ok(line)
    }

    fn get(&mut self, number: u32) -> Result<()> {
        let requests = self.requests.as_mut().context("the session has no input")?;
        requests.write_all(request(number).as_bytes()).context("cannot ask")?;
        let answer = self.answer()?;
        if !answer.contains("DiskPath") {
            bail!("entry {number} is not found: {answer}");
        }
        Ok(())
    }

    /// Asks for all of these before it reads an answer.
    pub fn get_all(&mut self, numbers: &[u32]) -> Result<()> {
        let lines: String = numbers.iter().map(|number| request(*number)).collect();
        let requests = self.requests.as_mut().context("the session has no input")?;
        requests.write_all(lines.as_bytes()).context("cannot ask")?;
        for _ in numbers {
            let answer = self.answer()?;
            if !answer.contains("DiskPath") {
                bail!("an entry is not found: {answer}");
            }
        }
        Ok(())
    }

    /// Ends it.
    pub fn end(mut self) -> Result<()> {
        drop(self.requests.take());
        let status = self.child.wait().context("cannot wait for cachewit")?;
        if !status.success() {
            bail!("a session ended with {status}");
        }
        Ok(())
    }
}
