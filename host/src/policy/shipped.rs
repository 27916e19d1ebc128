//! The policies that come with cachewit, as components: `builtin:NAME`. They run in the sandbox like any other.

use crate::model::Digest;

/// Name, component and its SHA-256, in the order in which they are listed to people. Made by `build.rs`.
const SHIPPED: &[(&str, &[u8], [u8; 32])] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The names that [`component`] knows.
pub const NAMES: &[&str] = &{
    let mut names = [""; SHIPPED.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = SHIPPED[index].0;
        index += 1;
    }
    names
};

/// The component of this name: the binary format of the component model.
pub fn component(name: &str) -> Option<&'static [u8]> {
    with_digest(name).map(|(bytes, _)| bytes)
}

/// The same, and its SHA-256.
pub(super) fn with_digest(name: &str) -> Option<(&'static [u8], Digest)> {
    SHIPPED.iter().find(|(shipped, ..)| *shipped == name).map(|(_, bytes, sha256)| (*bytes, Digest(*sha256)))
}

#[cfg(test)]
mod tests {
    use super::{NAMES, component};
    use wit_parser::WorldItem;
    use wit_parser::decoding::{DecodedWasm, decode};

    /// The interfaces that a component imports and exports.
    fn interfaces(component: &[u8]) -> (Vec<String>, Vec<String>) {
        let DecodedWasm::Component(resolve, world) = decode(component).unwrap() else { panic!("no component") };
        let world = &resolve.worlds[world];
        let names = |items: &mut dyn Iterator<Item = &WorldItem>| {
            let mut names = Vec::new();
            for item in items {
                let WorldItem::Interface { id, .. } = item else { panic!("not an interface: {item:?}") };
                names.push(resolve.id_of(*id).unwrap());
            }
            names.sort();
            names
        };
        (names(&mut world.imports.values()), names(&mut world.exports.values()))
    }

    fn named(interfaces: &[&str]) -> Vec<String> {
        interfaces.iter().map(|name| format!("cachewit:policy/{name}@0.1.0")).collect()
    }

    #[test]
    fn each_exports_its_roles_and_imports_what_it_uses_and_no_wasi() {
        let shipped = [
            ("rebuild-cost", &["log", "trim"][..], &["eviction", "plugin"][..]),
            ("lru", &["log", "trim"], &["eviction", "plugin"]),
            ("s3-fifo", &["log", "state", "trim"], &["eviction", "plugin"]),
            ("share-filter", &["group", "log", "session"], &["admission", "plugin"]),
            ("ci-guard", &["group", "log", "session"], &["admission", "plugin", "serving"]),
            ("read-through", &["log", "plan", "request", "session", "sets", "targets"], &["plugin", "remote"]),
        ];
        assert_eq!(NAMES, shipped.map(|(name, ..)| name));
        for (name, imports, exports) in shipped {
            assert_eq!(interfaces(component(name).unwrap()), (named(imports), named(exports)), "{name}");
        }
    }

    #[test]
    fn none_is_larger_than_what_compiles_in_a_moment() {
        for name in NAMES {
            let size = component(name).unwrap().len();
            println!("{name}: {size} bytes");
            assert!(size <= 80 << 10, "{name} has {size} bytes");
        }
    }

    #[test]
    fn a_name_that_is_not_shipped_has_no_component() {
        assert!(component("rebuild_cost").is_none() && component("").is_none());
    }
}
