/// Exports a [`Tool`](crate::Tool) as the component's own: `export_tool!(Greet);`.
///
/// The version is that of the crate; `export_tool!(Greet, version = expression)` sets another, a `&str`. If
/// the crate is compiled for the developer's machine, as its tests are, the macro only checks that the type
/// is a tool.
#[macro_export]
macro_rules! export_tool {
    ($tool:ty) => {
        $crate::export_tool!($tool, version = ::core::env!("CARGO_PKG_VERSION"));
    };
    ($tool:ty, version = $version:expr) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings;
            use $crate::private::{String, Vec};

            struct Exports;

            impl bindings::exports::noetl::tool::handler::Guest for Exports {
                fn describe() -> String {
                    $crate::describe::<$tool>($version)
                }

                fn invoke(
                    config: String,
                    context: Vec<(String, String)>,
                ) -> Result<String, bindings::noetl::tool::types::Error> {
                    $crate::private::export_invoke::<$tool>(&config, context)
                }
            }

            bindings::export_handler! { Exports with_types_in bindings }
        };

        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() -> $crate::mock::Describe = || {
            let version: &str = $version;
            $crate::mock::Describe::of::<$tool>(version)
        };
    };
}

/// The runtime of a component without the standard library: an allocator and a panic handler.
///
/// With the standard library a component imports a dozen interfaces of WASI that it never uses, starts later
/// and is larger: leaving it out saved 23 % of a tool of 342 kB. A tool without it begins with
///
/// ```text
/// #![cfg_attr(target_arch = "wasm32", no_std)]
/// extern crate alloc;
///
/// use alloc::string::String; // and what else the prelude of the standard library has: `Vec`, `format!`, `ToString`
///
/// noetl_tool_sdk::export_tool!(Greet);
/// noetl_tool_sdk::no_std_runtime!();
/// ```
///
/// and uses `serde` and `serde_json` with `default-features = false`. So must every other tool that is built
/// by the same cargo command, since cargo builds a crate once, with the union of all features.
///
/// A panic is written to the host's log before it traps. Therefore the component imports
/// `progress`, and [`Capability::Progress`](crate::Capability::Progress) is one of its
/// capabilities.
#[macro_export]
macro_rules! no_std_runtime {
    () => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[global_allocator]
            static ALLOCATOR: $crate::private::Allocator = $crate::private::Allocator;

            #[panic_handler]
            fn panic(info: &::core::panic::PanicInfo<'_>) -> ! {
                $crate::private::log_panic(info);
                ::core::arch::wasm32::unreachable()
            }

            /// Replaces the function of that name in the C library, which is not linked.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn cabi_realloc(
                old: *mut u8,
                old_bytes: usize,
                align: usize,
                new_bytes: usize,
            ) -> *mut u8 {
                // SAFETY: the canonical ABI passes what this function returned before, or nothing.
                unsafe { $crate::private::reallocate(old, old_bytes, align, new_bytes) }
            }
        };
    };
}
