//! `cachewit:policy@0.1.0`: the exports, typed. One such module a version of the contract; all of them fill [`Exports`].

use super::imports::Guest;
use crate::policy::{PolicyError, Roles};
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, Instance, Lift, TypedFunc};

/// The version that is asked for; wasmtime takes any later 0.1.x for it.
const VERSION: &str = crate::policy::CONTRACT;

/// `plugin.info`.
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct Info {
    pub name: String,
    pub version: String,
    #[component(name = "state-version")]
    pub state_version: u32,
}

/// `plugin.config-error`.
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct ConfigError {
    pub key: String,
    pub message: String,
}

/// Where a component's functions are; looked up once.
pub(super) struct Exports {
    describe: ComponentExportIndex,
    configure: ComponentExportIndex,
    admit: Option<ComponentExportIndex>,
    serve: Option<ComponentExportIndex>,
    eviction: Option<[ComponentExportIndex; 3]>,
    remote: Option<[ComponentExportIndex; 3]>,
    observe: Option<ComponentExportIndex>,
}

impl Exports {
    /// Finds the exports of a policy, or says what is wrong with the component.
    pub fn find(component: &Component) -> Result<Self, PolicyError> {
        let interface = |name: &str| component.get_export_index(None, format!("cachewit:policy/{name}@{VERSION}"));
        // Its manifest has been read by now and said so; a version that wasmtime does not take for ours is none.
        let plugin = interface("plugin").ok_or_else(PolicyError::no_policy)?;
        let function = |of: &ComponentExportIndex, interface: &str, name: &str| {
            component.get_export_index(Some(of), name).ok_or_else(|| {
                PolicyError::Unusable(format!(
                    "exports `{interface}` without its function `{name}`; rebuild it with the SDK of version {VERSION}"
                ))
            })
        };
        let three = |name: &str, functions: [&str; 3]| -> Result<Option<[ComponentExportIndex; 3]>, PolicyError> {
            let Some(of) = interface(name) else { return Ok(None) };
            let [a, b, c] = functions.map(|each| function(&of, name, each));
            Ok(Some([a?, b?, c?]))
        };
        let one = |name: &str, of_name: &str| interface(of_name).map(|of| function(&of, of_name, name)).transpose();
        Ok(Self {
            describe: function(&plugin, "plugin", "describe")?,
            configure: function(&plugin, "plugin", "configure")?,
            admit: one("admit", "admission")?,
            serve: one("serve", "serving")?,
            eviction: three("eviction", ["begin", "score", "end"])?,
            remote: three("remote", ["open", "route", "close"])?,
            observe: one("observe", "observer")?,
        })
    }

    /// The roles there are.
    pub fn roles(&self) -> Roles {
        Roles {
            admission: self.admit.is_some(),
            serving: self.serve.is_some(),
            eviction: self.eviction.is_some(),
            remote: self.remote.is_some(),
            observer: self.observe.is_some(),
        }
    }

    /// The functions of an instance. An export of another type is an error here, before anything is asked.
    pub fn bind(&self, instance: &Instance, store: &mut Store<Guest>) -> wasmtime::Result<Functions> {
        Ok(Functions {
            describe: instance.get_typed_func(&mut *store, self.describe)?,
            configure: instance.get_typed_func(&mut *store, self.configure)?,
            admit: self.admit.as_ref().map(|index| instance.get_typed_func(&mut *store, index)).transpose()?,
            serve: self.serve.as_ref().map(|index| instance.get_typed_func(&mut *store, index)).transpose()?,
            observe: self.observe.as_ref().map(|index| instance.get_typed_func(&mut *store, index)).transpose()?,
            eviction: match &self.eviction {
                Some([begin, score, end]) => Some(Eviction {
                    begin: instance.get_typed_func(&mut *store, begin)?,
                    score: instance.get_typed_func(&mut *store, score)?,
                    end: instance.get_typed_func(&mut *store, end)?,
                }),
                None => None,
            },
            remote: match &self.remote {
                Some([open, route, close]) => Some(Remote {
                    open: instance.get_typed_func(&mut *store, open)?,
                    route: instance.get_typed_func(&mut *store, route)?,
                    close: instance.get_typed_func(&mut *store, close)?,
                }),
                None => None,
            },
        })
    }
}

/// The functions of one instance.
pub(super) struct Functions {
    pub describe: TypedFunc<(), (Info,)>,
    pub configure: TypedFunc<(String,), (Result<(), ConfigError>,)>,
    pub admit: Option<TypedFunc<(), (u32,)>>,
    pub serve: Option<TypedFunc<(), (u32,)>>,
    pub observe: Option<TypedFunc<(u32, u32), ()>>,
    pub eviction: Option<Eviction>,
    pub remote: Option<Remote>,
}

/// See the contract.
pub(super) struct Eviction {
    pub begin: TypedFunc<(), ()>,
    pub score: TypedFunc<(u32, u32), (Vec<f64>,)>,
    pub end: TypedFunc<(), ()>,
}

/// See the contract.
pub(super) struct Remote {
    pub open: TypedFunc<(), (u32,)>,
    pub route: TypedFunc<(), (u32,)>,
    pub close: TypedFunc<(), (u32,)>,
}
