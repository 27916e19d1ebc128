//! WASI, for components whose language insists on it: everything is there, and empty.
//!
//! wasmtime-wasi's functions that wait do so for ever, in the host, where no epoch is looked at; and on a thread that runs futures, as the
//! remote client's does, they panic. So everything that may wait is linked once more, with an end.

use super::Guest;
use crate::policy::wasm::limits::LIMITS;
use std::time::Instant;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};
use wasmtime_wasi::runtime::in_tokio;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_io::bindings::wasi::io::poll::{Host as AnyPoll, HostPollable as Pollable};
use wasmtime_wasi_io::bindings::wasi::io::streams::{HostInputStream as Input, HostOutputStream as Output};

/// What WASI is to one instance.
pub(super) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl Wasi {
    /// No files, no environment, no arguments, no sockets; what is written goes nowhere.
    pub fn empty() -> Self {
        let mut ctx = WasiCtx::builder();
        ctx.max_random_size(LIMITS.host_copy as u64);
        let mut table = ResourceTable::new();
        table.set_max_capacity(LIMITS.handles);
        Self { ctx: ctx.build(), table }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.inputs.more = true;
        // Linked only for components that import WASI, and those are given one in `new`.
        let Wasi { ctx, table } = self.wasi.get_or_insert_with(Wasi::empty);
        WasiCtxView { ctx, table }
    }
}

/// Links all of it.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    poll::add_to_linker::<Guest, Bounded<'static>>(linker, Bounded::of)?;
    streams::add_to_linker::<Guest, Bounded<'static>>(linker, Bounded::of)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The resources of an instance, and when its answer must be there.
struct Bounded<'a> {
    table: &'a mut ResourceTable,
    until: Instant,
}

impl HasData for Bounded<'static> {
    type Data<'a> = Bounded<'a>;
}

impl Bounded<'_> {
    fn of(guest: &mut Guest) -> Bounded<'_> {
        let until = guest.until;
        Bounded { table: guest.ctx().table, until }
    }
}

/// What a future comes to, or the trap of a guest that was too slow.
fn wait<T: Send>(until: Instant, future: impl Future<Output = T> + Send) -> wasmtime::Result<T> {
    let run = || in_tokio(async { tokio::time::timeout_at(until.into(), future).await });
    let ended: wasmtime::Result<_> = if tokio::runtime::Handle::try_current().is_ok() {
        // This thread runs futures, and so cannot wait for one more.
        std::thread::scope(|scope| {
            Ok(std::thread::Builder::new().spawn_scoped(scope, run)?.join().map_err(|_| wasmtime::Trap::Interrupt)?)
        })
    } else {
        Ok(run())
    };
    ended?.map_err(|_| wasmtime::Trap::Interrupt.into())
}

/// The same, where a stream has errors of its own.
fn wait_for_stream<T: Send>(until: Instant, future: impl Future<Output = StreamResult<T>> + Send) -> StreamResult<T> {
    wait(until, future).map_err(StreamError::Trap)?
}

impl poll::Host for Bounded<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        wait(self.until, AnyPoll::poll(self.table, pollables))?
    }
}

impl poll::HostPollable for Bounded<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        wait(self.until, Pollable::ready(self.table, pollable))?
    }
    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        wait(self.until, Pollable::block(self.table, pollable))?
    }
    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        Pollable::drop(self.table, pollable)
    }
}

impl streams::Host for Bounded<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> wasmtime::Result<streams::StreamError> {
        streams::Host::convert_stream_error(self.table, error)
    }
}

impl streams::HostInputStream for Bounded<'_> {
    fn read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        Input::read(self.table, stream, len)
    }
    fn blocking_read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        wait_for_stream(self.until, Input::blocking_read(self.table, stream, len))
    }
    fn skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        Input::skip(self.table, stream, len)
    }
    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        wait_for_stream(self.until, Input::blocking_skip(self.table, stream, len))
    }
    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Input::subscribe(self.table, stream)
    }
    fn drop(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        wait(self.until, Input::drop(self.table, stream))?
    }
}

impl streams::HostOutputStream for Bounded<'_> {
    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        Output::check_write(self.table, stream)
    }
    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        Output::write(self.table, stream, bytes)
    }
    fn blocking_write_and_flush(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        wait_for_stream(self.until, Output::blocking_write_and_flush(self.table, stream, bytes))
    }
    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Output::flush(self.table, stream)
    }
    fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        wait_for_stream(self.until, Output::blocking_flush(self.table, stream))
    }
    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Output::subscribe(self.table, stream)
    }
    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        Output::write_zeroes(self.table, stream, len)
    }
    fn blocking_write_zeroes_and_flush(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        wait_for_stream(self.until, Output::blocking_write_zeroes_and_flush(self.table, stream, len))
    }
    fn splice(&mut self, to: Resource<DynOutputStream>, from: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        Output::splice(self.table, to, from, len)
    }
    fn blocking_splice(&mut self, to: Resource<DynOutputStream>, from: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        wait_for_stream(self.until, Output::blocking_splice(self.table, to, from, len))
    }
    fn drop(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        wait(self.until, Output::drop(self.table, stream))?
    }
}
