//! Roles that are drafted and not asked yet: their contexts are linked so that a component that has such a role beside others loads.

use super::{Guest, wit};

impl wit::http_request::Host for Guest {
    fn set_method(&mut self, _method: String) -> wasmtime::Result<()> {
        Err(not_asked())
    }
    fn set_url(&mut self, _url: String) -> wasmtime::Result<()> {
        Err(not_asked())
    }
    fn add_header(&mut self, _name: String, _value: String) -> wasmtime::Result<()> {
        Err(not_asked())
    }
    fn use_credential(&mut self, _name: String) -> wasmtime::Result<()> {
        Err(not_asked())
    }
}

impl wit::http_response::Host for Guest {
    fn status(&mut self) -> wasmtime::Result<u32> {
        Err(not_asked())
    }
    fn header(&mut self, _name: String) -> wasmtime::Result<Option<String>> {
        Err(not_asked())
    }
}

fn not_asked() -> wasmtime::Error {
    wasmtime::format_err!("this interface belongs to a role that this cachewit does not ask")
}
