//! The policies that come with cachewit, as components: `builtin:NAME`. They run in the sandbox like any other.

/// Name and component, in the order in which they are listed to people. Made by `build.rs`.
const SHIPPED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

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
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, bytes)| *bytes)
}
