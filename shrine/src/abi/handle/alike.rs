//! Whether instances can be moved from one build to another as they lie in memory.
//!
//! # Why that is sound
//!
//! An instance is a `Box<W>` of the build that made it. Another build has a type of its own in the place of `W`, and uses
//! the same memory as a `Box` of that. What it needs for it:
//!
//! 1. **Every byte means the same.** Version and fingerprint are equal, so both types describe the same values. Their
//!    [layouts](crate::state::layout) are equal: offsets, sizes and alignments as measured in each build, the
//!    definitions of enums, names and order of all fields, through all nested types. The rest is the compiler's: it lays
//!    one definition out in one way, so both builds must be by one compiler ([`Origin`]). Options that change code
//!    (optimisation, debug assertions, overflow checks, panic strategy, target features, link-time optimisation) do not
//!    enter into the layout of such types: none holds a vector register or a function. The one that does,
//!    `-Z randomize-layout`, is ruled out twice: compilers that know it are no [`Origin`], and each build looks at a struct
//!    of its own.
//! 2. **What it points to stays.** A described type holds no function, vtable or closure. It may borrow text constants of
//!    an older library; libraries are never unloaded.
//! 3. **It is freed by the allocator that it came from.** Both builds allocate from the shared std ([`Origin`]), and sizes
//!    and alignments, which are what deallocation is told, are equal.
//! 4. **Collections find their keys.** They lie by the order and hashes of types of the one std: see the layouts.
//! 5. **Nobody else has a reference to it.** A [`Handle`] is the only way to an instance, and the registry moves between two
//!    calls. An instance that has panicked may be half-changed: its handle has left the seat that is moved.
//!
//! What would run when a state is encoded, and does not when it is moved, is nothing that can be seen: types with a `Drop`
//! of their own are not described, neither are those whose fields are made anew by `Default`.
//!
//! The proof is about what both builds say of themselves. [`Alike::agrees`] checks it on instances, before others are moved.

use std::sync::Arc;

use super::call::CallError;
use super::instance::Handle;
use super::module::Module;

/// Where code comes from: what of a build is not in its types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is part of this program.
    Program,
    /// All libraries of this text were built by one compiler and allocate from one std: see
    /// [`Library::of_toolchain`](super::Library::of_toolchain).
    Toolchain(String),
}

/// What a build says of itself that decides whether it may take an instance of another one as it lies in memory.
pub(super) struct Facts<'a> {
    pub(super) origin: Option<&'a Origin>,
    /// The version of this crate.
    pub(super) shrine: &'a str,
    pub(super) version: &'a str,
    pub(super) fingerprint: u64,
    /// The layout, or why there is none.
    pub(super) layout: Result<&'a str, &'a str>,
}

/// The decision. An error says why states have to be encoded.
fn decide(from: &Facts<'_>, to: &Facts<'_>) -> Result<(), String> {
    if from.version != to.version || from.fingerprint != to.fingerprint {
        return Err("its state has changed".to_owned());
    }
    if from.shrine != to.shrine {
        return Err(format!("it was built with shrine {} and is now with {}", from.shrine, to.shrine));
    }
    let (Some(was), Some(is)) = (from.origin, to.origin) else {
        return Err("nothing proves which compiler and allocator it was built with".to_owned());
    };
    if was != is {
        return Err("it was built by another compiler, or with another allocator, than before".to_owned());
    }
    match (from.layout, to.layout) {
        (Ok(was), Ok(is)) if was == is => Ok(()),
        (Ok(_), Ok(_)) => Err("its fields lie otherwise in memory than before".to_owned()),
        (Err(why), _) | (_, Err(why)) => Err(why.to_owned()),
    }
}

/// The proof that instances of one build can be used by another one as they lie in memory. See the module for the argument.
#[derive(Debug, Clone)]
pub struct Alike {
    from: Arc<Module>,
    to: Arc<Module>,
}

impl Alike {
    /// Looks for the proof.
    ///
    /// # Errors
    ///
    /// Why there is none, as a sentence about the widget.
    pub fn find(from: &Arc<Module>, to: &Arc<Module>) -> Result<Self, String> {
        decide(&from.facts(), &to.facts())?;
        Ok(Self { from: Arc::clone(from), to: Arc::clone(to) })
    }

    /// The build that instances are moved from.
    #[must_use]
    pub fn from(&self) -> &Arc<Module> {
        &self.from
    }

    /// The build that they are moved to.
    #[must_use]
    pub fn to(&self) -> &Arc<Module> {
        &self.to
    }

    /// Has both builds encode an instance, and compares. Answers with the encoding if they agree, else with none; also
    /// when the newer build fails.
    ///
    /// # Errors
    ///
    /// When the build that it belongs to cannot encode it.
    pub fn agrees(&self, handle: &mut Handle) -> Result<Option<Vec<u8>>, CallError> {
        if !Arc::ptr_eq(handle.module(), &self.from) {
            return Ok(None);
        }
        let state = handle.encode()?;
        let agrees = handle.encode_as(self).is_ok_and(|other| other == state);
        Ok(agrees.then_some(state))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Library, Room, Seat};
    use super::*;
    use crate::abi::{Descriptor, Host, OK, Table, guard, table};
    use crate::prelude::*;
    use crate::widget::{Behaviour, Widget};

    fn facts() -> Facts<'static> {
        Facts {
            origin: Some(&Origin::Program),
            shrine: "1.0.0",
            version: "1.0.0",
            fingerprint: 7,
            layout: Ok("struct 8/8 { a@0 u64 }"),
        }
    }

    #[test]
    fn all_that_is_known_has_to_be_equal() {
        assert_eq!(decide(&facts(), &facts()), Ok(()));
        let other = Origin::Toolchain("another".to_owned());
        let differing = [
            Facts { origin: None, ..facts() },
            Facts { origin: Some(&other), ..facts() },
            Facts { shrine: "1.0.1", ..facts() },
            Facts { version: "1.0.1", ..facts() },
            Facts { fingerprint: 8, ..facts() },
            Facts { layout: Ok("struct 16/8 { a@8 u64 }"), ..facts() },
            Facts { layout: Err("it is unknown"), ..facts() },
        ];
        for facts_of_one in &differing {
            assert!(decide(&facts(), facts_of_one).is_err());
            assert!(decide(facts_of_one, &facts()).is_err());
        }
        let unknown = Facts { layout: Err("it is unknown"), ..facts() };
        assert_eq!(decide(&unknown, &unknown), Err("it is unknown".to_owned()));
        let nowhere = Facts { origin: None, ..facts() };
        assert!(decide(&nowhere, &nowhere).is_err());
    }

    #[widget(id = "alike", version = "1.0.0")]
    #[derive(Debug, Default, PartialEq)]
    struct Sum {
        total: i64,
        seen: Vec<String>,
    }

    #[widget]
    impl Sum {
        #[input]
        fn add(&mut self, n: i64) {
            self.total += n;
            self.seen.push(n.to_string());
            assert!(n != 13, "unlucky");
        }
    }

    /// Another build of it: the same definition under another name.
    mod next {
        use crate::prelude::*;

        #[widget(id = "alike-next", version = "1.0.0")]
        #[derive(Debug, Default, PartialEq)]
        pub(super) struct Sum {
            total: i64,
            seen: Vec<String>,
        }

        #[widget]
        impl Sum {
            #[input]
            fn add(&mut self, n: i64) {
                self.total += n * 1000;
                self.seen.push(n.to_string());
            }
        }
    }

    fn module<W: Widget + Behaviour>() -> Arc<Module> {
        let library = Library::in_process("test").with_as::<W>("alike").expect("opens");
        Arc::clone(&library.modules()[0])
    }

    /// A build of the second widget with some functions of its table changed.
    fn changed(change: impl FnOnce(&mut Table)) -> Arc<Module> {
        // SAFETY: the table of a descriptor made here.
        let mut table = unsafe { *table::of::<next::Sum>() };
        change(&mut table);
        let table: &'static Table = Box::leak(Box::new(table));
        let descriptor = Descriptor { table, ..Descriptor::of::<next::Sum>() };
        // SAFETY: made by this crate, of functions that keep the contract.
        Arc::new(unsafe { Module::open(&raw const descriptor, Some(Origin::Program)) }.expect("opens"))
    }

    #[test]
    fn a_whole_seat_moves_at_once_and_the_old_memory_is_used_and_freed_by_the_new_code() {
        let (from, to) = (module::<Sum>(), module::<next::Sum>());
        let seat = Seat::new(Arc::clone(&from));
        let mut handles: Vec<_> = (0..3).map(|_| from.create().expect("creates")).collect();
        let (one, room) = (crate::state::to_bytes(&1_i64).expect("encodes"), &mut Room::default());
        for handle in &mut handles {
            assert!(handle.join(&seat));
            handle.handle(0, [&one[..]], room).expect("adds");
        }
        let way = Alike::find(&from, &to).expect("one definition");
        assert!(way.agrees(&mut handles[0]).expect("encodes").is_some());
        assert!(seat.lead(&way));
        assert!(!seat.lead(&way), "they are there already");
        for handle in &mut handles {
            assert!(Arc::ptr_eq(handle.module(), &to));
            handle.handle(0, [&one[..]], room).expect("adds");
            let state: next::Sum =
                crate::state::from_bytes(&handle.encode().expect("encodes")).expect("decodes");
            assert_eq!(format!("{state:?}"), r#"Sum { total: 1001, seen: ["1", "1"] }"#);
        }
        drop(seat);
        assert!(Arc::ptr_eq(handles[0].module(), &to), "it is kept by those who have joined");
        drop(handles);
    }

    #[test]
    fn what_has_panicked_stays_behind() {
        let (from, to) = (module::<Sum>(), module::<next::Sum>());
        let seat = Seat::new(Arc::clone(&from));
        let mut handle = from.create().expect("creates");
        assert!(handle.join(&seat));
        let unlucky = crate::state::to_bytes(&13_i64).expect("encodes");
        handle.handle(0, [&unlucky[..]], &mut Room::default()).expect_err("panics");
        assert!(seat.lead(&Alike::find(&from, &to).expect("one definition")));
        assert!(Arc::ptr_eq(handle.module(), &from));
        assert!(!handle.join(&Seat::new(from)), "and does not join again");
    }

    #[test]
    fn a_seat_is_joined_only_by_what_runs_its_code() {
        let (from, to) = (module::<Sum>(), module::<next::Sum>());
        let mut handle = from.create().expect("creates");
        assert!(!handle.join(&Seat::new(Arc::clone(&to))));
        assert!(Arc::ptr_eq(handle.module(), &from));
        let back = Alike::find(&to, &from).expect("one definition");
        assert!(!Seat::new(from).lead(&back), "the proof is about the other direction");
    }

    #[test]
    fn a_library_that_does_not_say_how_it_lies_in_memory_is_encoded() {
        let old = changed(|table| table.layout = None);
        assert!(Alike::find(&module::<Sum>(), &old).is_err());
        let shorter = changed(|table| table.size = std::mem::offset_of!(Table, layout));
        let why = Alike::find(&shorter, &module::<Sum>()).expect_err("it is too old");
        assert!(why.contains("layout"), "{why}");
    }

    #[test]
    fn equal_fingerprints_do_not_make_up_for_another_layout() {
        unsafe extern "C" fn another(host: *const Host) -> i32 {
            // SAFETY: as the caller of the table promises.
            unsafe {
                let layout = b"struct 32/8 { seen@0 .. total@24 i64 8/8 }";
                guard::guarded(host, &mut |reply| reply.result(layout))
            }
        }
        let (from, to) = (module::<Sum>(), changed(|table| table.layout = Some(another)));
        assert_eq!(from.fingerprint(), to.fingerprint());
        let why = Alike::find(&from, &to).expect_err("it lies otherwise");
        assert!(why.contains("otherwise"), "{why}");
    }

    #[test]
    fn builds_that_encode_otherwise_do_not_agree() {
        unsafe extern "C" fn nil(_: crate::abi::Instance, host: *const Host) -> i32 {
            // SAFETY: as the caller of the table promises.
            unsafe { guard::guarded(host, &mut |reply| reply.result(&[0xc0])) }
        }
        unsafe extern "C" fn fails(_: crate::abi::Instance, host: *const Host) -> i32 {
            // SAFETY: as the caller of the table promises.
            unsafe { guard::guarded(host, &mut |_| panic!("as planned")) }
        }
        assert_eq!(OK, 0);
        let from = module::<Sum>();
        for encode in [nil, fails as unsafe extern "C" fn(_, _) -> _] {
            let way =
                Alike::find(&from, &changed(|table| table.encode = Some(encode))).expect("it lies alike");
            let mut handle = from.create().expect("creates");
            assert_eq!(way.agrees(&mut handle), Ok(None));
            assert!(!handle.is_poisoned());
        }
    }
}
