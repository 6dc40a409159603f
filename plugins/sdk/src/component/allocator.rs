#![expect(
    unsafe_code,
    reason = "an allocator returns raw memory; a component has one thread, so nothing is shared"
)]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::UnsafeCell;
use core::ptr;

use dlmalloc::Dlmalloc;

/// The allocator of a component without the standard library.
///
/// An instance lives for one call, in which most tools allocate a few kilobytes in total. So the memory after
/// the component's data, which exists from the start, is allocated from front to back, and a block is only
/// freed if it was allocated last. [`Dlmalloc`] serves what does not fit there.
///
/// Growing the memory of an instance costs the host two changes of its address space, which are serialized
/// across all calls.
#[derive(Debug)]
pub struct Allocator;

/// The minimum size of the arena before [`Dlmalloc`] is used; enough for a small tool.
const MIN_ARENA_BYTES: usize = 16 << 10;
/// The unit in which memory grows.
const PAGE_BYTES: usize = 64 << 10;

struct Heap(UnsafeCell<State>);

struct State {
    arena: Arena,
    /// What does not fit into the arena.
    rest: Dlmalloc<Pages>,
}

/// The memory after the component's data, by its addresses; all of them are 0 until it is first used.
struct Arena {
    start: usize,
    /// Everything before it is in use, or was and cannot be freed.
    next: usize,
    end: usize,
}

/// The allocator for memory beyond the arena.
struct Pages;

static HEAP: Heap = Heap(UnsafeCell::new(State {
    arena: Arena {
        start: 0,
        next: 0,
        end: 0,
    },
    rest: Dlmalloc::new_with_allocator(Pages),
}));

// SAFETY: a component has one thread.
unsafe impl Sync for Heap {}

unsafe extern "C" {
    /// Its address is where the component's data and stack end; set by the linker.
    static __heap_base: u8;
}

impl Arena {
    /// From the end of the component's data to the end of its memory.
    fn find() -> Self {
        let start = (&raw const __heap_base).addr();
        let mut pages = wasm32::memory_size::<0>();
        if pages * PAGE_BYTES < start + MIN_ARENA_BYTES && wasm32::memory_grow::<0>(1) == pages {
            pages += 1;
        }
        Self {
            start,
            next: start,
            end: pages * PAGE_BYTES,
        }
    }

    /// The next bytes; `None` if they do not fit.
    fn take(&mut self, layout: Layout) -> Option<*mut u8> {
        if self.start == 0 {
            *self = Self::find();
        }
        let start = self.next.checked_next_multiple_of(layout.align())?;
        let next = start.checked_add(layout.size())?;
        if next > self.end {
            return None;
        }
        self.next = next;
        Some(ptr::without_provenance_mut(start))
    }

    fn contains(&self, memory: *mut u8) -> bool {
        (self.start..self.end).contains(&memory.addr())
    }

    /// Resizes the last allocated block; returns whether that was possible.
    fn resize_last(&mut self, memory: *mut u8, bytes: usize, new_bytes: usize) -> bool {
        let start = memory.addr();
        let is_possible = start + bytes == self.next && new_bytes <= self.end - start;
        if is_possible {
            self.next = start + new_bytes;
        }
        is_possible
    }
}

// SAFETY: the state is entered by one thread, and does not call itself. Bytes of the arena belong to one
// block at a time, since `next` is after every block that is in use; `Dlmalloc` upholds the contract of
// the trait, and only frees its own blocks, since none of them is in the arena.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe {
            let State { arena, rest } = &mut *HEAP.0.get();
            match arena.take(layout) {
                Some(memory) => memory,
                None => rest.malloc(layout.size(), layout.align()),
            }
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe {
            let State { arena, rest } = &mut *HEAP.0.get();
            if arena.contains(memory) {
                arena.resize_last(memory, layout.size(), 0);
            } else {
                rest.free(memory, layout.size(), layout.align());
            }
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        unsafe {
            let State { arena, rest } = &mut *HEAP.0.get();
            if !arena.contains(memory) {
                return rest.realloc(memory, layout.size(), layout.align(), bytes);
            }
            if arena.resize_last(memory, layout.size(), bytes) {
                return memory;
            }
            let new = self.alloc(Layout::from_size_align_unchecked(bytes, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(memory, new, layout.size().min(bytes));
            }
            new
        }
    }
}

// SAFETY: the returned pages are new, so nothing else uses them.
unsafe impl dlmalloc::Allocator for Pages {
    fn alloc(&self, bytes: usize) -> (*mut u8, usize, u32) {
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
