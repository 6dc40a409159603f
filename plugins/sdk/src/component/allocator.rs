#![expect(
    unsafe_code,
    reason = "an allocator hands out raw memory; a component has one thread, so nothing is shared"
)]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use dlmalloc::Dlmalloc;

/// The allocator of a component without the standard library.
///
/// It begins with memory that the component has from its start. Memory that an instance grows costs
/// the host two changes of its address space, on which all calls wait for each other.
#[derive(Debug)]
pub struct Allocator;

/// Enough for a small tool; a page of WebAssembly.
const ARENA_BYTES: usize = PAGE_BYTES;
/// By which memory grows.
const PAGE_BYTES: usize = 64 << 10;

#[repr(align(16))]
struct Arena(UnsafeCell<[u8; ARENA_BYTES]>);

struct State(UnsafeCell<Dlmalloc<Pages>>);

/// Where the allocator takes memory from: the arena, once, and then the host.
struct Pages;

static ARENA: Arena = Arena(UnsafeCell::new([0; ARENA_BYTES]));
static ARENA_IS_TAKEN: AtomicBool = AtomicBool::new(false);
static STATE: State = State(UnsafeCell::new(Dlmalloc::new_with_allocator(Pages)));

// SAFETY: a component has one thread.
unsafe impl Sync for Arena {}

// SAFETY: as above.
unsafe impl Sync for State {}

// SAFETY: `Dlmalloc` keeps the promises of the trait; it is entered by one thread, and does not call
// itself.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { (*STATE.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { (*STATE.0.get()).free(memory, layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { (*STATE.0.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        unsafe { (*STATE.0.get()).realloc(memory, layout.size(), layout.align(), bytes) }
    }
}

// SAFETY: what is returned belongs to nobody else: the arena is handed out once, and pages are new.
unsafe impl dlmalloc::Allocator for Pages {
    fn alloc(&self, bytes: usize) -> (*mut u8, usize, u32) {
        if bytes <= ARENA_BYTES && !ARENA_IS_TAKEN.swap(true, Ordering::Relaxed) {
            return (ARENA.0.get().cast(), ARENA_BYTES, 0);
        }
        let pages = bytes.div_ceil(PAGE_BYTES);
        match wasm32::memory_grow::<0>(pages) {
            usize::MAX => (ptr::null_mut(), 0, 0),
            before => {
                let start = ptr::without_provenance_mut(before * PAGE_BYTES);
                // The address after the last page does not exist; a few bytes less, and it is not needed.
                let end = before.saturating_add(pages).saturating_mul(PAGE_BYTES);
                let surplus = if end == usize::MAX { 16 } else { 0 };
                (start, pages * PAGE_BYTES - surplus, 0)
            }
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE_BYTES
    }
}
