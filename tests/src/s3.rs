//! A real S3 server in the process, with the faults that real networks have.

use anyhow::Context as _;
use bytes::Bytes;
use futures::StreamExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::dto::StreamingBlob;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpResponse};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// The bucket of every server.
pub const BUCKET: &str = "builds";

/// The access key that the server knows; its secret is [`SECRET_KEY`].
pub const ACCESS_KEY: &str = "cachewit";

/// The secret of [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "only-for-tests";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Takes the request and never answers.
    Stall,
    /// Nobody listens: connections are refused, and those that stand are cut.
    Refuse,
    /// 503 to everything.
    Unavailable,
    /// Sends so many bytes of a body and then nothing more, the connection open.
    StopAfter(usize),
    /// Sends so many bytes of a body and cuts the connection.
    CutAfter(usize),
    /// Turns over a bit in the middle of a body.
    WrongBytes,
    /// Answers so much later.
    Latency(Duration),
}

/// A fault, and which requests meet it.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What goes wrong.
    pub kind: Kind,
    /// Only for requests whose path contains this; empty = all.
    pub path: String,
    /// Only after so many requests that would have met it.
    pub after: usize,
}

impl Fault {
    /// Meets every request.
    pub fn always(kind: Kind) -> Self {
        Self { kind, path: String::new(), after: 0 }
    }

    /// Meets requests whose path contains `path`.
    pub fn on(path: &str, kind: Kind) -> Self {
        Self { kind, path: path.to_owned(), after: 0 }
    }
}

#[derive(Default)]
struct State {
    log: Vec<String>,
    fault: Option<Fault>,
    met: usize,
}

/// The server: a bucket in a temporary folder, on a free port of the loopback interface. Dropped, it is gone.
pub struct S3Server {
    address: SocketAddr,
    root: tempfile::TempDir,
    state: Arc<Mutex<State>>,
    listening: watch::Sender<bool>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl S3Server {
    /// Starts a server with an empty bucket.
    pub fn start() -> anyhow::Result<Self> {
        let root = tempfile::tempdir()?;
        std::fs::create_dir(root.path().join(BUCKET))?;
        let files = s3s_fs::FileSystem::new(root.path()).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(s3s::auth::SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = service.build();
        let state = Arc::<Mutex<State>>::default();
        let (listening, wanted) = watch::channel(true);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let server = Server { service, state: Arc::clone(&state) };
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = server.listen(wanted, tell) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        let address = told.recv().context("the server found no port")?;
        Ok(Self { address, root, state, listening, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a process needs in its environment to reach the server: credentials, a region, and no way to find others.
    pub fn environment() -> [(&'static str, &'static str); 4] {
        [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
    }

    /// From now on this goes wrong; `None` heals.
    pub fn fail(&self, fault: Option<Fault>) {
        let refuse = matches!(&fault, Some(fault) if fault.kind == Kind::Refuse);
        let mut state = lock(&self.state);
        state.fault = fault;
        state.met = 0;
        drop(state);
        // Only the server's own end could close the channel.
        let _ = self.listening.send(!refuse);
        if refuse {
            while std::net::TcpStream::connect(self.address).is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
        } else {
            while std::net::TcpStream::connect(self.address).is_err() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// The requests so far, `GET /builds/v1/main/head`, in the order of their arrival.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).log.clone()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.state).log.clear();
    }

    /// The folder that the bucket is.
    pub fn bucket(&self) -> PathBuf {
        self.root.path().join(BUCKET)
    }

    /// All objects by key, read from the disk.
    pub fn objects(&self) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
        objects(&self.bucket())
    }
}

/// All files below a folder by their path with `/`, as a store's objects by key.
pub fn objects(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
                found.insert(key, std::fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone)]
struct Server {
    service: S3Service,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Accepts connections as long as it is wanted; stops listening and cuts them all while it is not.
    async fn listen(&self, mut wanted: watch::Receiver<bool>, tell: std::sync::mpsc::Sender<SocketAddr>) {
        let mut address = SocketAddr::from(([127, 0, 0, 1], 0));
        loop {
            if wanted.wait_for(|wanted| *wanted).await.is_err() {
                return;
            }
            let Ok(listener) = TcpListener::bind(address).await else { continue };
            let Ok(bound) = listener.local_addr() else { return };
            address = bound;
            // Told again after each fault; nobody listens then.
            let _ = tell.send(address);
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    _ = wanted.wait_for(|wanted| !*wanted) => break,
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { continue };
                        // Or each answer of a head and a body waits 40 ms for the client's acknowledgement.
                        if stream.set_nodelay(true).is_err() {
                            continue;
                        }
                        let server = self.clone();
                        connections.spawn(async move {
                            let answer = service_fn(|request| server.answer(request));
                            let mut connection = hyper::server::conn::http1::Builder::new();
                            // A client that hangs up is no news.
                            let _ = connection.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
                        });
                    }
                }
            }
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> anyhow::Result<HttpResponse> {
        let fault = self.note(&request);
        match fault {
            Some(Kind::Stall) => std::future::pending().await,
            Some(Kind::Unavailable) => {
                return Ok(Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(Body::empty())?);
            }
            Some(Kind::Latency(latency)) => tokio::time::sleep(latency).await,
            _ => {}
        }
        let answer = hyper::service::Service::call(&self.service, request).await;
        let (head, body) = answer.map_err(|error| anyhow::anyhow!("{error:?}"))?.into_parts();
        let body = match fault {
            Some(Kind::StopAfter(bytes)) => spoilt(body, bytes, End::Pending).await,
            Some(Kind::CutAfter(bytes)) => spoilt(body, bytes, End::Error).await,
            Some(Kind::WrongBytes) => {
                let mut bytes = all(body).await;
                let middle = bytes.len() / 2;
                if let Some(byte) = bytes.get_mut(middle) {
                    *byte ^= 1;
                }
                Body::from(bytes)
            }
            _ => body,
        };
        Ok(Response::from_parts(head, body))
    }

    /// Logs the request and answers what it meets.
    fn note(&self, request: &Request<Incoming>) -> Option<Kind> {
        let path = request.uri().path();
        let mut state = lock(&self.state);
        state.log.push(format!("{} {path}", request.method()));
        let fault = state.fault.clone().filter(|fault| path.contains(&fault.path))?;
        state.met += 1;
        (state.met > fault.after).then_some(fault.kind)
    }
}

enum End {
    Pending,
    Error,
}

/// So many bytes of the body, and then that end; the announced length stays.
async fn spoilt(body: Body, bytes: usize, end: End) -> Body {
    let mut bytes_sent = all(body).await;
    bytes_sent.truncate(bytes);
    let first = futures::stream::iter([Ok(Bytes::from(bytes_sent))]);
    let last = futures::stream::once(async move {
        match end {
            End::Pending => std::future::pending().await,
            End::Error => Err(std::io::Error::other("cut")),
        }
    });
    StreamingBlob::wrap(first.chain(last)).into()
}

async fn all(mut body: Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(Ok(chunk)) = body.next().await {
        bytes.extend_from_slice(&chunk);
    }
    bytes
}
