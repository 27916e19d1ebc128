//! The part that runs inside the watched process.
//!
//! A part of the product reaches the kernel without the C library, so interposing its functions would miss calls, among them the one that
//! syncs the file system. Instead a seccomp filter sends every call that can change a file to a signal handler of this process, which
//! makes it in its place: none can be missed, whoever makes it. Calls of the handler carry a mark in an argument that none of them has.
//!
//! What is written through mapped memory is no call, and is not seen. In a store that is the index of `SQLite`'s log, which whoever comes
//! first after a crash makes anew, and the notes of long leases, of which only living sessions have a use.
//!
//! A process that is started by a watched one inherits the filter and not the handler, and so cannot run: the tests watch processes that
//! start none.
//!
//! All of it is `unsafe`: registers, pointers of another's making, and code that runs in a signal handler. So nothing in it allocates,
//! takes a lock of the standard library or panics.

#![allow(unsafe_code, reason = "see the module")]
#![allow(clippy::many_single_char_names, reason = "a call's arguments have no names but their places")]

use crate::log::{self, Header};
use libc::{c_int, c_long, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// The loader runs this before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

struct Settings {
    folder: Vec<u8>,
    log: Option<c_int>,
    /// A path that ends in a zero.
    boot: Option<Vec<u8>>,
    /// Whether there is a quota; what is left of it is [`LEFT`].
    quota: bool,
}

static SETTINGS: AtomicPtr<Settings> = AtomicPtr::new(std::ptr::null_mut());
static LEFT: AtomicU64 = AtomicU64::new(0);
/// Held from a call to its record: the log has the order of the calls.
static BUSY: AtomicBool = AtomicBool::new(false);

/// In the sixth argument of calls that have five at most.
const MARK: u64 = 0x6361_6368_6577_6974;

/// Calls that are made by the handler.
const CALLS: &[c_long] = &[
    libc::SYS_openat,
    libc::SYS_write,
    libc::SYS_pwrite64,
    libc::SYS_writev,
    libc::SYS_pwritev,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_syncfs,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
];

/// Calls that are said not to exist. Whoever knows them knows what to do without.
const REFUSED: &[c_long] = &[
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_pwritev2,
    libc::SYS_truncate,
    libc::SYS_openat2,
    libc::SYS_io_uring_setup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
];

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

extern "C" fn start() {
    let path = |name: &str| std::env::var_os(name).map(|value| [value.as_bytes(), b"\0"].concat());
    let Some(folder) = std::env::var_os(crate::FOLDER) else { return };
    // SAFETY: the path ends in a zero.
    let log = path(crate::LOG)
        .map(|path| unsafe { libc::open(path.as_ptr().cast(), libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_CLOEXEC, 0o600) });
    let quota = std::env::var(crate::QUOTA).ok().map(|bytes| bytes.parse());
    if let Some(Ok(bytes)) = quota {
        LEFT.store(bytes, Ordering::Relaxed);
    }
    let usable = log.is_none_or(|log| log >= 0) && !matches!(quota, Some(Err(_)));
    let settings = Settings { folder: folder.as_bytes().to_vec(), log, boot: path(crate::BOOT), quota: quota.is_some() };
    SETTINGS.store(Box::into_raw(Box::new(settings)), Ordering::Release);
    // SAFETY: there is one thread yet, and the handler has what it needs.
    if !usable || unsafe { !watch() } {
        // What is not watched must not look as if it had been.
        eprintln!("the shim cannot watch this process");
        std::process::exit(97);
    }
}

/// Installs the handler and the filter.
unsafe fn watch() -> bool {
    // SAFETY: plain data, and a handler of the kind that SA_SIGINFO wants.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_call as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        if libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) != 0 {
            return false;
        }
    }
    let mut filter = program();
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program lives while the kernel copies it.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    }
}

/// The filter: calls of the list without the mark are trapped.
fn program() -> Vec<libc::sock_filter> {
    // Offsets in `struct seccomp_data`, on machines that store the low half first.
    const NUMBER: u32 = 0;
    const MACHINE: u32 = 4;
    const SIXTH: u32 = 56;
    let load = |offset| instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let equal = |value, yes, no| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, yes, no, value);
    let end = |action| instruction(libc::BPF_RET | libc::BPF_K, 0, 0, action);
    let (calls, refused) = (CALLS.len(), REFUSED.len());
    let mut program = vec![load(MACHINE), equal(ARCHITECTURE, 1, 0), end(libc::SECCOMP_RET_ALLOW), load(NUMBER)];
    for (place, number) in CALLS.iter().enumerate() {
        // Past the rest of both lists, and two ends.
        program.push(equal(*number as u32, (calls - place - 1 + refused + 2) as u8, 0));
    }
    for (place, number) in REFUSED.iter().enumerate() {
        program.push(equal(*number as u32, (refused - place) as u8, 0));
    }
    program.push(end(libc::SECCOMP_RET_ALLOW));
    program.push(end(libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32));
    program.extend([load(SIXTH), equal(MARK as u32, 0, 3), load(SIXTH + 4), equal((MARK >> 32) as u32, 0, 1)]);
    program.extend([end(libc::SECCOMP_RET_ALLOW), end(libc::SECCOMP_RET_TRAP)]);
    program
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

/// A call and what it is given.
type Arguments = [usize; 5];

/// Runs where a call of the list would have been made, and makes it.
extern "C" fn on_call(_: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    const SYS_SECCOMP: c_int = 1;
    // SAFETY: the kernel gives a handler both, and no other thread has them. The interrupted code is between two instructions, and will
    // take what is left in the registers for the kernel's answer.
    unsafe {
        if (*info).si_code != SYS_SECCOMP {
            return;
        }
        let errno = *libc::__errno_location();
        let machine = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext;
        #[cfg(target_arch = "x86_64")]
        {
            use libc::{REG_R8, REG_R10, REG_RAX, REG_RDI, REG_RDX, REG_RSI};
            let register = |name: c_int| machine.gregs[name as usize] as usize;
            let arguments = [REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8].map(register);
            let number = machine.gregs[REG_RAX as usize];
            machine.gregs[REG_RAX as usize] = make(number, arguments) as i64;
        }
        #[cfg(target_arch = "aarch64")]
        {
            let arguments = [0, 1, 2, 3, 4].map(|register: usize| machine.regs[register] as usize);
            machine.regs[0] = make(machine.regs[8] as c_long, arguments) as u64;
        }
        *libc::__errno_location() = errno;
    }
}

/// What the kernel answers: a value, or an error as a negative number.
unsafe fn kernel(number: c_long, [a, b, c, d, e]: Arguments) -> isize {
    // SAFETY: as safe as the call that the watched code makes.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, MARK as usize) };
    // SAFETY: always there.
    if answer == -1 { -(unsafe { *libc::__errno_location() } as isize) } else { answer as isize }
}

/// Makes a call of the watched process. The calls that older systems had are made as the newer ones that do the same.
unsafe fn make(number: c_long, arguments: Arguments) -> isize {
    const HERE: usize = libc::AT_FDCWD as usize;
    let [a, b, c, d, e] = arguments;
    // SAFETY: `start` has stored them before it installed the filter, and nobody removes them.
    let settings = unsafe { &*SETTINGS.load(Ordering::Acquire) };
    // SAFETY: the arguments are those that the kernel would have been given.
    unsafe {
        match number {
            libc::SYS_openat => open(settings, [a, b, c, d, 0]),
            libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_pwritev => write(settings, number, arguments),
            libc::SYS_ftruncate | libc::SYS_fallocate => resize(settings, number, arguments),
            libc::SYS_renameat => rename(settings, [a, b, c, d, 0]),
            libc::SYS_renameat2 => rename(settings, arguments),
            libc::SYS_linkat => named(settings, number, arguments, (a, b), Some((c, d)), log::LINK),
            // There is none in a store, and a model that does not know it must not look complete.
            libc::SYS_symlinkat => -(libc::EPERM as isize),
            libc::SYS_unlinkat => unlink(settings, [a, b, c, 0, 0]),
            libc::SYS_mkdirat => named(settings, number, arguments, (a, b), None, log::MAKE_FOLDER),
            libc::SYS_fsync | libc::SYS_fdatasync | libc::SYS_syncfs => sync(settings, number, arguments),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => open(settings, [HERE, a, b, c, 0]),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename => rename(settings, [HERE, a, HERE, b, 0]),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_link => named(settings, libc::SYS_linkat, [HERE, a, HERE, b, 0], (HERE, a), Some((HERE, b)), log::LINK),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_unlink => unlink(settings, [HERE, a, 0, 0, 0]),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rmdir => unlink(settings, [HERE, a, libc::AT_REMOVEDIR as usize, 0, 0]),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_mkdir => named(settings, libc::SYS_mkdirat, [HERE, a, b, 0, 0], (HERE, a), None, log::MAKE_FOLDER),
            _ => kernel(number, [a, b, c, d, e]),
        }
    }
}

unsafe fn open(settings: &Settings, mut arguments: Arguments) -> isize {
    // SAFETY: a path that the kernel would have read.
    unsafe {
        let [folder, path, flags, ..] = arguments;
        let named = std::ffi::CStr::from_ptr(path as *const _).to_bytes();
        if let Some(boot) = settings.boot.as_ref().filter(|_| named == b"/proc/sys/kernel/random/boot_id") {
            arguments[1] = boot.as_ptr() as usize;
        }
        let flags = flags as c_int;
        let changes = settings.log.is_some() && flags & (libc::O_CREAT | libc::O_TRUNC) != 0;
        let Some(path) = Some(Name::at(folder, path)).filter(|name| changes && name.below(settings).is_some()) else {
            return kernel(libc::SYS_openat, arguments);
        };
        let _turn = Turn::take(settings);
        let stood = libc::faccessat(libc::AT_FDCWD, path.bytes.as_ptr().cast(), libc::F_OK, 0) == 0;
        let answer = kernel(libc::SYS_openat, arguments);
        if let Some(File { inode, .. }) = Some(answer).filter(|fd| *fd >= 0).and_then(|fd| File::of(fd as c_int)) {
            if !stood {
                record(settings, Header { kind: log::CREATE, inode, ..Header::default() }, path.below(settings), None, &[]);
            } else if flags & libc::O_TRUNC != 0 {
                record(settings, Header { kind: log::RESIZE, inode, ..Header::default() }, None, None, &[]);
            }
        }
        answer
    }
}

unsafe fn write(settings: &Settings, number: c_long, mut arguments: Arguments) -> isize {
    // SAFETY: buffers that the kernel would have read.
    unsafe {
        let [fd, buffer, count, offset, _] = arguments;
        let (fd, placed) = (fd as c_int, matches!(number, libc::SYS_pwrite64 | libc::SYS_pwritev));
        let Some(file) = File::watched(settings, fd) else { return kernel(number, arguments) };
        let _turn = Turn::take(settings);
        let one = libc::iovec { iov_base: buffer as *mut c_void, iov_len: count };
        let mut parts = match number {
            libc::SYS_writev | libc::SYS_pwritev => std::slice::from_raw_parts(buffer as *const libc::iovec, count),
            _ => std::slice::from_ref(&one),
        };
        if settings.quota {
            // Of several parts only the first, which is what a kernel may do.
            parts = &parts[..parts.len().min(1)];
            let wanted = parts.first().map_or(0, |part| part.iov_len as u64);
            let at = if placed { offset as u64 } else { place(fd) };
            let new = (at + wanted).saturating_sub(file.length);
            let left = LEFT.load(Ordering::Relaxed);
            if wanted > 0 && new > left && wanted == new - left {
                return -(libc::EDQUOT as isize);
            }
            LEFT.store(left.saturating_sub(new), Ordering::Relaxed);
            let most = wanted - new.saturating_sub(left);
            arguments = [fd as usize, parts.first().map_or(0, |part| part.iov_base as usize), most as usize, offset, 0];
            return kernel(if placed { libc::SYS_pwrite64 } else { libc::SYS_write }, arguments);
        }
        let answer = kernel(number, arguments);
        if answer > 0 {
            let at = if placed { offset as u64 } else { place(fd) - answer as u64 };
            record(
                settings,
                Header { kind: log::WRITE, inode: file.inode, at, ..Header::default() },
                None,
                None,
                cut(parts, answer as usize),
            );
        }
        answer
    }
}

/// Where the next write goes.
unsafe fn place(fd: c_int) -> u64 {
    // SAFETY: no memory is touched.
    let place = unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) };
    place.max(0) as u64
}

/// The first parts that were written; whoever writes several writes all of each.
fn cut(parts: &[libc::iovec], written: usize) -> &[libc::iovec] {
    let mut before = 0;
    let whole = parts.iter().take_while(|part| {
        before += part.iov_len;
        before <= written
    });
    &parts[..whole.count()]
}

unsafe fn resize(settings: &Settings, number: c_long, arguments: Arguments) -> isize {
    let [fd, first, second, third, _] = arguments;
    // SAFETY: no memory is touched.
    unsafe {
        let Some(File { inode, length: before }) = File::watched(settings, fd as c_int) else { return kernel(number, arguments) };
        let _turn = Turn::take(settings);
        let (kind, length) = if number == libc::SYS_ftruncate { (log::RESIZE, first) } else { (log::RESERVE, second + third) };
        if settings.quota && kind == log::RESERVE && length as u64 > before + LEFT.load(Ordering::Relaxed) {
            return -(libc::EDQUOT as isize);
        }
        let answer = kernel(number, arguments);
        if answer == 0 {
            give_back(settings, before.saturating_sub(length as u64));
            record(settings, Header { kind, inode, at: length as u64, ..Header::default() }, None, None, &[]);
        }
        answer
    }
}

/// What a file took of the quota and does not need any more.
fn give_back(settings: &Settings, bytes: u64) {
    if settings.quota {
        LEFT.fetch_add(bytes, Ordering::Relaxed);
    }
}

unsafe fn rename(settings: &Settings, arguments: Arguments) -> isize {
    let [a, b, c, d, flags] = arguments;
    // SAFETY: paths that the kernel would have read.
    unsafe {
        if flags != 0 {
            // An exchange is nothing that a model of names knows.
            return -(libc::EINVAL as isize);
        }
        named(settings, libc::SYS_renameat2, arguments, (a, b), Some((c, d)), log::RENAME)
    }
}

unsafe fn unlink(settings: &Settings, arguments: Arguments) -> isize {
    let [a, b, flags, ..] = arguments;
    let kind = if flags & libc::AT_REMOVEDIR as usize == 0 { log::UNLINK } else { log::REMOVE_FOLDER };
    // SAFETY: a path that the kernel would have read.
    unsafe {
        let name = Name::at(a, b);
        let length = if settings.quota && name.below(settings).is_some() { File::named(&name).map_or(0, |file| file.length) } else { 0 };
        let answer = named(settings, libc::SYS_unlinkat, arguments, (a, b), None, kind);
        if answer == 0 {
            give_back(settings, length);
        }
        answer
    }
}

/// A call that changes names.
unsafe fn named(
    settings: &Settings,
    number: c_long,
    arguments: Arguments,
    first: (usize, usize),
    second: Option<(usize, usize)>,
    kind: u32,
) -> isize {
    // SAFETY: paths that the kernel would have read.
    unsafe {
        let name = Name::at(first.0, first.1);
        let other = second.map(|(folder, path)| Name::at(folder, path));
        let (name, other) = (name.below(settings), other.as_ref().and_then(|other| other.below(settings)));
        if settings.log.is_none() || name.is_none() && other.is_none() {
            return kernel(number, arguments);
        }
        let _turn = Turn::take(settings);
        let answer = kernel(number, arguments);
        if answer == 0 {
            record(settings, Header { kind, ..Header::default() }, name, other, &[]);
        }
        answer
    }
}

unsafe fn sync(settings: &Settings, number: c_long, arguments: Arguments) -> isize {
    let fd = arguments[0] as c_int;
    // SAFETY: no memory but our own is touched.
    unsafe {
        let name = Name::of(fd);
        let Some(below) = name.below(settings).filter(|_| settings.log.is_some()) else { return kernel(number, arguments) };
        let _turn = Turn::take(settings);
        let answer = kernel(number, arguments);
        if answer == 0 {
            let file = File::of(fd);
            let kind = match file {
                _ if number == libc::SYS_syncfs => log::SYNC_ALL,
                Some(_) => log::SYNC,
                None => log::SYNC_FOLDER,
            };
            let inode = file.map_or(0, |file| file.inode);
            record(settings, Header { kind, inode, ..Header::default() }, (kind == log::SYNC_FOLDER).then_some(below), None, &[]);
        }
        answer
    }
}

/// A regular file.
struct File {
    inode: u64,
    length: u64,
}

impl File {
    unsafe fn of(fd: c_int) -> Option<Self> {
        // SAFETY: plain data, which the kernel fills.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            let regular = libc::fstat(fd, &raw mut stat) == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFREG;
            regular.then_some(Self { inode: stat.st_ino, length: stat.st_size as u64 })
        }
    }

    unsafe fn named(name: &Name) -> Option<Self> {
        // SAFETY: plain data, which the kernel fills, and a path that ends in a zero.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            let regular = libc::lstat(name.bytes.as_ptr().cast(), &raw mut stat) == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFREG;
            regular.then_some(Self { inode: stat.st_ino, length: stat.st_size as u64 })
        }
    }

    /// One that lies below the folder, or did when it had a name.
    unsafe fn watched(settings: &Settings, fd: c_int) -> Option<Self> {
        // SAFETY: see both.
        unsafe { Self::of(fd).filter(|_| Name::of(fd).below(settings).is_some()) }
    }
}

/// An absolute path, ended by a zero.
struct Name {
    bytes: [u8; NAME],
    length: usize,
}

const NAME: usize = 4096;

impl Name {
    fn new() -> Self {
        Self { bytes: [0; NAME], length: 0 }
    }

    fn push(&mut self, part: &[u8]) {
        let part = &part[..part.len().min(NAME - 1 - self.length)];
        self.bytes[self.length..][..part.len()].copy_from_slice(part);
        self.length += part.len();
    }

    /// What a descriptor is open on.
    unsafe fn of(fd: c_int) -> Self {
        let mut link = Self::new();
        if fd == libc::AT_FDCWD {
            link.push(b"/proc/self/cwd");
        } else {
            link.push(b"/proc/self/fd/");
            let mut digits = [0; 10];
            let (mut first, mut rest) = (digits.len(), fd.unsigned_abs());
            loop {
                first -= 1;
                digits[first] = b'0' + (rest % 10) as u8;
                rest /= 10;
                if rest == 0 {
                    break;
                }
            }
            link.push(&digits[first..]);
        }
        let mut name = Self::new();
        // SAFETY: a path of ours, and room for all but the zero.
        let read = unsafe { libc::readlink(link.bytes.as_ptr().cast(), name.bytes.as_mut_ptr().cast(), NAME - 1) };
        name.length = read.max(0) as usize;
        name
    }

    /// The path that a call names by a folder and a path.
    unsafe fn at(folder: usize, path: usize) -> Self {
        // SAFETY: a path that the kernel would have read.
        let path = unsafe { std::ffi::CStr::from_ptr(path as *const _) }.to_bytes();
        let mut name = Self::new();
        if !path.starts_with(b"/") {
            // SAFETY: see there.
            name = unsafe { Self::of(folder as c_int) };
            name.push(b"/");
        }
        name.push(path);
        name
    }

    /// The part below the watched folder; nothing for the folder itself.
    fn below(&self, settings: &Settings) -> Option<&[u8]> {
        let rest = self.bytes.get(..self.length)?.strip_prefix(settings.folder.as_slice())?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b"/") }
    }
}

/// From a call to its record nobody else makes one, in no thread and no process.
struct Turn(Option<c_int>);

impl Turn {
    unsafe fn take(settings: &Settings) -> Self {
        while BUSY.swap(true, Ordering::Acquire) {
            // SAFETY: no memory is touched.
            unsafe { libc::sched_yield() };
        }
        if let Some(log) = settings.log {
            // SAFETY: no memory is touched. A process that dies gives the lock back.
            unsafe { libc::flock(log, libc::LOCK_EX) };
        }
        Self(settings.log)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(log) = self.0 {
            // SAFETY: no memory is touched.
            unsafe { libc::flock(log, libc::LOCK_UN) };
        }
        BUSY.store(false, Ordering::Release);
    }
}

/// Most parts of one write.
const PARTS: usize = 16;

unsafe fn record(settings: &Settings, mut header: Header, name: Option<&[u8]>, other: Option<&[u8]>, data: &[libc::iovec]) {
    let Some(log) = settings.log else { return };
    let (name, other) = (name.unwrap_or_default(), other.unwrap_or_default());
    let total: usize = data.iter().map(|part| part.iov_len).sum();
    (header.name, header.other, header.data) = (name.len() as u32, other.len() as u32, total as u32);
    let bytes = header.bytes();
    let part = |bytes: &[u8]| libc::iovec { iov_base: bytes.as_ptr() as *mut c_void, iov_len: bytes.len() };
    let mut parts = [part(&[]); PARTS];
    parts[..3].copy_from_slice(&[part(&bytes), part(name), part(other)]);
    let data = &data[..data.len().min(PARTS - 3)];
    parts[3..][..data.len()].copy_from_slice(data);
    // SAFETY: all of it lives, and the data is what the kernel has just read.
    unsafe {
        kernel(libc::SYS_writev, [log as usize, parts.as_ptr() as usize, 3 + data.len(), 0, 0]);
    }
}
