//! One panic hook for all libraries that share a std.
//!
//! Panics under a guard are noted by a hook instead of being printed. A process has one hook for each std in it, and each
//! hook that is set calls the one before, so a hook for each library would be a chain as long as the number of
//! generations. Therefore the first library of a std sets one, and the others use what it notes: it is found through a
//! [`PanicCell`] of the host.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::panic;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::{Bytes, FAILED, Failure, Host, OK, sized};

/// A place of the host where libraries find the panic hook of another one. It is valid for ever.
#[repr(C)]
#[derive(Debug)]
pub struct PanicCell {
    /// The size of this struct in bytes.
    pub size: usize,
    /// The first of a list; null if there is none. Entries are put before it, and are valid for ever.
    pub first: AtomicPtr<PanicTable>,
}

impl PanicCell {
    /// One that nobody has put anything into.
    #[cfg(any(feature = "host", test))]
    pub(super) const fn new() -> Self {
        Self { size: size_of::<Self>(), first: AtomicPtr::new(std::ptr::null_mut()) }
    }
}

/// Takes a panic: the context, what was panicked with, and where, or nothing.
pub type Noted = unsafe extern "C" fn(*mut c_void, Bytes, Bytes);

/// What a library offers that has set the hook of its std. The functions may be called from any thread.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct PanicTable {
    /// The size of this struct in bytes.
    pub size: usize,
    /// Which std it is: the address of `std::panic::take_hook`.
    pub std: *const c_void,
    /// How many guards are open on this thread: to be counted up and down by the caller. Valid until the thread ends.
    pub guards: Option<unsafe extern "C" fn() -> *mut u32>,
    /// Hands out the panic that was noted on this thread last. Answers [`OK`], or [`FAILED`] if there is none.
    pub take: Option<unsafe extern "C" fn(*mut c_void, Noted) -> i32>,
    /// Sets the hook again, because another one was set that does not call it.
    pub renew: Option<unsafe extern "C" fn()>,
    /// The next of the list. Does not change once this can be found.
    pub next: *const PanicTable,
}

/// How a library counts its guards and learns of its panics.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panics {
    guards: unsafe extern "C" fn() -> *mut u32,
    take: unsafe extern "C" fn(*mut c_void, Noted) -> i32,
    renew: unsafe extern "C" fn(),
}

/// What this library offers.
const OWN: Panics = Panics { guards, take, renew };

impl Panics {
    /// Those of this library: decided by its first call.
    pub(super) fn of(host: Option<&Host>) -> &'static Self {
        static CHOSEN: OnceLock<Panics> = OnceLock::new();
        static OFFER: OnceLock<Offer> = OnceLock::new();
        CHOSEN.get_or_init(|| {
            let cell = host.map_or(std::ptr::null(), |host| host.panics);
            // SAFETY: a host's cell is null or valid for ever.
            choose(unsafe { cell.as_ref() }, this_std(), &OFFER)
        })
    }

    /// Runs `call` under a guard.
    pub(super) fn guarded<T>(&self, call: impl FnOnce() -> T) -> T {
        // SAFETY: the counter is this thread's, so nobody else uses it, and the thread does not end in here.
        let guards = unsafe { (self.guards)() };
        // SAFETY: the same.
        unsafe { *guards += 1 };
        let result = call();
        // SAFETY: the same; `call` counts up as often as down.
        unsafe { *guards -= 1 };
        result
    }

    /// The panic that was noted on this thread.
    pub(super) fn noted(&self) -> Option<Failure> {
        unsafe extern "C" fn note(context: *mut c_void, message: Bytes, location: Bytes) {
            // SAFETY: `noted` gives its own place as the context, and the bytes are valid during this call.
            let (noted, message, location) =
                unsafe { (&mut *context.cast::<Option<Failure>>(), message.as_slice(), location.as_slice()) };
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            let location = (!location.is_empty()).then(|| text(location));
            *noted = Some(Failure { message: text(message), location });
        }

        let mut noted: Option<Failure> = None;
        // SAFETY: the function calls `note` with this context, if at all, before it comes back.
        let status = unsafe { (self.take)((&raw mut noted).cast(), note) };
        if status == OK { noted } else { None }
    }

    /// Sees to it that later panics are noted, when one was not: the program has set a hook that does not call ours. At most
    /// once for each library, because what is thrown by `resume_unwind` is never noted.
    pub(super) fn missed(&self) {
        static RENEWED: AtomicBool = AtomicBool::new(false);
        if !std::thread::panicking() && !RENEWED.swap(true, Ordering::Relaxed) {
            // SAFETY: it may be called from any thread.
            unsafe { (self.renew)() };
        }
    }
}

/// The entry of a library in the list of a host.
struct Offer(PanicTable);

// SAFETY: it is not written to any more, and its pointers lead to constants and to other entries, valid for ever.
unsafe impl Send for Offer {}

// SAFETY: as for `Send`.
unsafe impl Sync for Offer {}

fn this_std() -> *const c_void {
    panic::take_hook as fn() -> _ as *const c_void
}

/// The hook that the first library of that std has set, or our own, which is offered to the others.
fn choose(cell: Option<&'static PanicCell>, std: *const c_void, offer: &'static OnceLock<Offer>) -> Panics {
    let cell = cell.filter(|cell| cell.size >= size_of::<PanicCell>());
    let Some(cell) = cell else {
        set_hook();
        return OWN;
    };
    let mut first = cell.first.load(Ordering::Acquire);
    if let Some(known) = find(first, std) {
        return known;
    }
    set_hook();
    // Another library may be at the same: then both have a hook, and all later ones use one of them.
    let next = first.cast_const();
    let (guards, take, renew) = (Some(OWN.guards as _), Some(OWN.take as _), Some(OWN.renew as _));
    let table = PanicTable { size: size_of::<PanicTable>(), std, guards, take, renew, next };
    let entry = offer.get_or_init(|| Offer(table));
    let entry = std::ptr::from_ref(&entry.0).cast_mut();
    // What was put in meanwhile would be lost behind an entry that does not lead to it: then ours is left out.
    if let Err(other) = cell.first.compare_exchange(first, entry, Ordering::AcqRel, Ordering::Acquire) {
        first = other;
        return find(first, std).unwrap_or(OWN);
    }
    OWN
}

/// The entry of that std.
fn find(mut at: *const PanicTable, std: *const c_void) -> Option<Panics> {
    while !at.is_null() {
        // SAFETY: entries begin with their size and are valid for ever.
        let table = unsafe { sized::read(at) };
        if let (true, Some(guards), Some(take), Some(renew)) =
            (table.std == std, table.guards, table.take, table.renew)
        {
            return Some(Panics { guards, take, renew });
        }
        at = table.next;
    }
    None
}

thread_local! {
    /// How many guards are open on this thread: only panics under one are ours to report.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
    /// The panic that is unwinding towards a guard.
    static CAUGHT: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

unsafe extern "C" fn guards() -> *mut u32 {
    // It needs no destructor, so it is there until the thread ends.
    GUARDS.with(Cell::as_ptr)
}

unsafe extern "C" fn take(context: *mut c_void, noted: Noted) -> i32 {
    let Ok(Some(Failure { message, location })) = CAUGHT.try_with(RefCell::take) else { return FAILED };
    let location = location.unwrap_or_default();
    // SAFETY: the caller's function, with what it is to be given; both texts outlive the call.
    unsafe { noted(context, Bytes::of(message.as_bytes()), Bytes::of(location.as_bytes())) };
    OK
}

unsafe extern "C" fn renew() {
    set_hook();
}

/// Notes message and place of panics under a guard instead of printing them; the host reports them. All others pass on to
/// the hook that was there before.
fn set_hook() {
    let outer = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if GUARDS.get() == 0 {
            return outer(info);
        }
        let message = info.payload_as_str().unwrap_or("panicked with a value that is no text").to_owned();
        let location = info.location().map(ToString::to_string);
        // A thread that is ending has no other thread-locals any more.
        let _ = CAUGHT.try_with(|caught| caught.replace(Some(Failure { message, location })));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many libraries as there are generations of one.
    fn libraries(std: *const c_void, cell: &'static PanicCell, number: usize) -> Vec<(Panics, bool)> {
        let library = |_| {
            let offer: &'static OnceLock<Offer> = Box::leak(Box::default());
            let panics = choose(Some(cell), std, offer);
            (panics, offer.get().is_some())
        };
        (0..number).map(library).collect()
    }

    #[test]
    fn of_all_libraries_of_a_std_only_the_first_sets_a_hook() {
        let cell: &'static PanicCell = Box::leak(Box::new(PanicCell::new()));
        let other = std::ptr::dangling();
        let with_hook = |found: Vec<(Panics, bool)>| found.iter().filter(|(_, is_set)| *is_set).count();
        assert_eq!(with_hook(libraries(this_std(), cell, 3000)), 1);
        assert_eq!(with_hook(libraries(other, cell, 10)), 1, "another std has a hook of its own");
        assert_eq!(with_hook(libraries(this_std(), cell, 10)), 0, "which hides nothing");
    }

    #[test]
    fn a_shorter_cell_is_not_used() {
        let cell = PanicCell { size: size_of::<usize>(), first: AtomicPtr::new(std::ptr::null_mut()) };
        let cell: &'static PanicCell = Box::leak(Box::new(cell));
        assert!(libraries(this_std(), cell, 2).iter().all(|(_, is_set)| !is_set));
    }

    #[test]
    fn what_panics_under_a_guard_is_noted_and_nothing_else() {
        let panics = choose(None, this_std(), Box::leak(Box::default()));
        let result = panics.guarded(|| panic::catch_unwind(|| panic!("the {}", "text")));
        assert!(result.is_err());
        let noted = panics.noted().expect("is noted");
        assert_eq!(noted.message, "the text");
        assert!(noted.location.is_some_and(|location| location.contains("panics.rs:")));
        assert_eq!(panics.noted(), None, "once");
        let outside = std::thread::spawn(|| panic!("not ours")).join();
        assert!(outside.is_err() && panics.noted().is_none());
    }
}
