//! What wit-bindgen makes of `wit/`: one module a world. The role worlds have exports alone and `context` has imports alone, so a
//! component ends up with the exports that its author named and the imports that its code calls.

#![allow(missing_docs, clippy::pedantic, reason = "generated")]

pub mod context {
    wit_bindgen::generate!({ path: "../wit", world: "context" });
}

macro_rules! role {
    ($module:ident, $world:literal, $macro_name:literal, $default:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "../wit",
                world: $world,
                pub_export_macro: true,
                export_macro_name: $macro_name,
                default_bindings_module: $default,
            });
        }
    };
}

role!(plugin, "plugin-role", "__export_plugin", "cachewit_guest::bindings::plugin");
role!(admission, "admission-role", "__export_admission", "cachewit_guest::bindings::admission");
role!(serving, "serving-role", "__export_serving", "cachewit_guest::bindings::serving");
role!(eviction, "eviction-role", "__export_eviction", "cachewit_guest::bindings::eviction");
role!(remote, "remote-role", "__export_remote", "cachewit_guest::bindings::remote");
role!(observer, "observer-role", "__export_observer", "cachewit_guest::bindings::observer");
