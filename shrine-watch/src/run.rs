//! Carries out what a session decides: builds, loads, asks the registry, and tells an audience.

mod answer;
mod stage;
mod visitor;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use shrine::abi::handle::Library;
use shrine::event::{Event, Phases};
use shrine::registry::Registry;

use crate::build::project::Start;
use crate::build::{BuildMessage, BuildResult, Builder, CargoOptions, Linking, Project};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::load::{LoadError, Loader};
use crate::session::{Action, Applied, Built, Command, Input, Options, Outcome, Session};
use crate::watch::{Noticed, Watcher};
use stage::Stage;
use visitor::{Overheard, Visitor};

/// How long handlers run before anything else is looked at.
const TURN: Duration = Duration::from_millis(10);

/// What comes in from other threads.
#[derive(Debug)]
#[non_exhaustive]
pub enum Message {
    /// Files changed.
    Noticed(Noticed),
    /// A build has something to say.
    Build(BuildMessage),
    /// Somebody wrote a line.
    Line(String),
    /// Somebody came through a door and wants to know what follows from a line. The answer ends when `reply` is dropped.
    Asked {
        /// The line.
        line: String,
        /// Where the events go.
        reply: Sender<Event>,
    },
    /// There will be no more lines.
    EndOfInput,
    /// Another thread has sent a message to a widget.
    Posted,
    /// Nobody reads what is reported any more.
    ReaderGone,
    /// SIGINT or SIGTERM.
    Interrupted,
}

/// Who is told.
pub trait Audience {
    /// Something happened.
    fn event(&mut self, event: &Event);
    /// The compiler said something.
    fn show(&mut self, rendered: &str);
    /// A line for people, that begins with a verb.
    fn note(&mut self, verb: &str, text: &str);
    /// A build begins.
    fn building(&mut self);
    /// Cargo compiles something.
    fn progress(&mut self, line: &str);
    /// Somebody asked for the commands.
    fn help(&mut self);
}

/// A session with all that it acts on, except the registry.
pub struct Run {
    session: Session,
    options: Options,
    builder: Builder,
    watcher: Option<Watcher>,
    loader: Loader,
    /// When the newest change was noticed that no build has begun for.
    noticed: Option<Instant>,
    /// How long the newest build and what led to it took.
    spent: Phases,
    project: Project,
    /// The widgets that run of each crate, by the name of its package.
    widgets: BTreeMap<String, BTreeSet<String>>,
    /// The directory of the crate that each widget came from, by its id.
    homes: BTreeMap<String, PathBuf>,
    /// The scene.
    stage: Stage,
    /// Whether `ready` was said.
    is_announced: bool,
    /// Who waits until it is ready.
    visitors: Vec<Visitor>,
}

impl Run {
    /// Prepares to watch `project`, with `poll` by looking at its files as often as that. Other threads will call
    /// `send` with what is to be [taken](Self::take).
    ///
    /// # Errors
    ///
    /// When the files cannot be watched.
    pub fn new(
        start: Start,
        project: Project,
        cargo: CargoOptions,
        options: Options,
        poll: Option<Duration>,
        send: impl Fn(Message) + Clone + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let cargo = CargoOptions { once: options.once, ..cargo };
        let build = send.clone();
        let notice = move |change| send(Message::Noticed(change));
        let watcher = (!options.once).then(|| Watcher::start(&project, poll, notice)).transpose()?;
        let loader = Loader::new(&project.target_directory);
        let stage = Stage::new(&project.directory);
        let builder = Builder::new(start, cargo, project.clone(), move |message| {
            build(Message::Build(message));
        });
        Ok(Self {
            session: Session::new(options),
            options,
            builder,
            watcher,
            loader,
            noticed: None,
            spent: Phases::default(),
            project,
            widgets: BTreeMap::new(),
            homes: BTreeMap::new(),
            stage,
            is_announced: false,
            visitors: Vec::new(),
        })
    }

    /// How many files are watched.
    #[must_use]
    pub fn files(&self) -> usize {
        self.watcher.as_ref().map_or(0, Watcher::files)
    }

    /// Ends the processes that run, from another thread.
    pub fn canceller(&self) -> impl Fn() + Send + 'static {
        self.builder.canceller()
    }

    /// Begins, unless the scene is none.
    pub fn start(&mut self, registry: &mut Registry, audience: &mut dyn Audience) -> ControlFlow<ExitCode> {
        if !self.options.embedded && !self.stage.is_readable(audience) {
            return ControlFlow::Break(ExitCode::BadConfiguration);
        }
        self.feed(Input::Started, registry, audience)
    }

    /// Handles what another thread has sent.
    pub fn take(
        &mut self,
        message: Message,
        registry: &mut Registry,
        audience: &mut dyn Audience,
    ) -> ControlFlow<ExitCode> {
        let input = match message {
            Message::Noticed(noticed) => {
                self.noticed = Some(noticed.first);
                Input::Changed(noticed.change)
            }
            Message::Build(BuildMessage::Diagnostic { build, package, rendered }) => {
                Input::Diagnostic { build, package, rendered }
            }
            Message::Build(BuildMessage::Progress { line, .. }) => {
                audience.progress(&line);
                return ControlFlow::Continue(());
            }
            Message::Build(BuildMessage::Linking(linking)) => {
                let packages = linking.iter().map(Linking::summary).collect();
                audience.event(&Event::Linking { packages });
                return ControlFlow::Continue(());
            }
            Message::Build(BuildMessage::Finished(result)) => {
                if let Some(watcher) = &self.watcher {
                    watcher.built(BuildResult::clone(&result));
                }
                if let Some(project) = &result.project {
                    self.project = project.clone();
                }
                self.spent.build = micros(result.took);
                Input::BuildFinished(*result)
            }
            Message::Line(line) => Input::Line(line),
            Message::Asked { line, reply } => {
                self.visitors.push(Visitor { line, reply });
                return self.answer_visitors(registry, audience);
            }
            // To be polled is all that it asks for.
            Message::Posted => return ControlFlow::Continue(()),
            Message::EndOfInput => Input::EndOfInput,
            Message::ReaderGone => Input::ReaderGone,
            Message::Interrupted => Input::Interrupted,
        };
        self.feed(input, registry, audience)?;
        self.answer_visitors(registry, audience)
    }

    /// Does what visitors ask for, once that can be done.
    fn answer_visitors(
        &mut self,
        registry: &mut Registry,
        audience: &mut dyn Audience,
    ) -> ControlFlow<ExitCode> {
        let Some(is_ready) = self.session.readiness() else { return ControlFlow::Continue(()) };
        for visitor in std::mem::take(&mut self.visitors) {
            if is_ready {
                let mut overheard = Overheard { audience, reply: visitor.reply };
                self.feed(Input::Line(visitor.line), registry, &mut overheard)?;
            } else {
                visitor.send_away();
            }
        }
        ControlFlow::Continue(())
    }

    /// Lets the registry do what is due, for a moment, and tells of it. What waits then waits for the next call, so that
    /// commands and edits get their turn while slow handlers have a lot to do.
    pub fn poll(&mut self, registry: &mut Registry, audience: &mut dyn Audience) -> ControlFlow<ExitCode> {
        registry.poll_for(TURN);
        self.tell(registry, audience)
    }

    /// Tells what the registry did.
    fn tell(&mut self, registry: &mut Registry, audience: &mut dyn Audience) -> ControlFlow<ExitCode> {
        let events = registry.take_events().into_iter();
        let actions: Vec<_> = events.flat_map(|event| self.session.handle(Input::Happened(event))).collect();
        // What an event leads to comes after all that has happened was told.
        let (told, then): (Vec<_>, Vec<_>) =
            actions.into_iter().partition(|action| matches!(action, Action::Emit(_)));
        told.into_iter().chain(then).try_for_each(|action| self.act(action, registry, audience))
    }

    fn feed(
        &mut self,
        input: Input,
        registry: &mut Registry,
        audience: &mut dyn Audience,
    ) -> ControlFlow<ExitCode> {
        for action in self.session.handle(input) {
            self.act(action, registry, audience)?;
        }
        ControlFlow::Continue(())
    }

    fn act(
        &mut self,
        action: Action,
        registry: &mut Registry,
        audience: &mut dyn Audience,
    ) -> ControlFlow<ExitCode> {
        match action {
            Action::StartBuild(request) => {
                if let Some(watcher) = &self.watcher {
                    watcher.building();
                }
                let detect = self.noticed.take().map_or(0, |noticed| micros(noticed.elapsed()));
                self.spent = Phases { detect, ..Phases::default() };
                audience.building();
                self.builder.start(request);
            }
            Action::CancelBuild => self.builder.cancel(),
            Action::Apply { libraries } => {
                let applied = self.apply(libraries, registry);
                self.tell(registry, audience)?;
                self.feed(Input::Applied(applied), registry, audience)?;
            }
            Action::Leave { package } => {
                self.leave(&package, registry, audience);
                self.tell(registry, audience)?;
            }
            Action::ApplyScene { must } => {
                let Some(events) = self.stage.apply(registry, audience) else {
                    return if must {
                        ControlFlow::Break(ExitCode::BadConfiguration)
                    } else {
                        self.tell(registry, audience)
                    };
                };
                if self.is_announced {
                    self.tell(registry, audience)?;
                } else {
                    // What is there at the beginning is told by `ready`.
                    let is_told =
                        |event: &Event| matches!(event, Event::Created { .. } | Event::Connected { .. });
                    for event in registry.take_events().into_iter().filter(|event| !is_told(event)) {
                        self.feed(Input::Happened(event), registry, audience)?;
                    }
                }
                events.iter().for_each(|event| audience.event(event));
            }
            Action::Announce => {
                self.is_announced = true;
                audience.event(&Event::Ready {
                    generation: registry.generation().unwrap_or_default(),
                    widgets: registry.widgets(),
                    instances: registry.instances(),
                });
            }
            Action::Run(Command::Scene { states }) => {
                audience.event(&self.stage.show(registry, states));
            }
            Action::Run(command) => {
                let answer = answer::answer(&command, registry, &self.homes);
                if !answer.iter().any(|event| matches!(event, Event::Error { .. })) {
                    self.stage.was_done(&command);
                }
                answer.iter().for_each(|event| audience.event(event));
                // What follows from a message is there before the next command, however long that takes.
                registry.poll();
                self.tell(registry, audience)?;
            }
            Action::Emit(event) => audience.event(&event),
            Action::Show(rendered) => audience.show(&rendered),
            Action::Note { verb, text } => audience.note(&verb, &text),
            Action::Help => audience.help(),
            Action::Exit(code) => return ControlFlow::Break(code),
        }
        ControlFlow::Continue(())
    }

    /// Loads libraries and hands those that have widgets to the registry, all or none.
    fn apply(&mut self, built: Vec<Built>, registry: &mut Registry) -> Applied {
        let clock = Instant::now();
        let (mut libraries, mut plain) = (Vec::new(), BTreeSet::new());
        for Built { package, artifact, is_final, .. } in built {
            let loaded = match self.project.packages.iter().find(|known| known.name == package) {
                Some(known) => self.loader.load(known, &artifact, is_final),
                None => Err(LoadError::new("its package is gone from the project", "save again")),
            };
            match loaded {
                Ok(library) => libraries.push(library),
                // A member of a workspace that only helps others is no mistake; one that has lost its widgets is.
                Err(error) if error.no_widgets && !self.widgets.contains_key(&package) => {
                    plain.insert(package);
                }
                Err(LoadError { reason, help, .. }) => {
                    return Applied { outcome: Outcome::LoadFailed { package, reason, help }, plain };
                }
            }
        }
        if libraries.is_empty() {
            return Applied { outcome: Outcome::NoWidgets, plain };
        }
        self.spent.load = micros(clock.elapsed());
        let outcome = self.update(libraries, registry);
        Applied { outcome, plain }
    }

    fn update(&mut self, libraries: Vec<Library>, registry: &mut Registry) -> Outcome {
        use shrine::registry::Outcome::{Deferred, Unchanged, Updated};
        let ids = |library: &Library| library.modules().iter().map(|module| module.id().to_owned()).collect();
        let widgets: Vec<(String, BTreeSet<String>)> =
            libraries.iter().map(|library| (library.name().to_owned(), ids(library))).collect();
        let mut options = self.stage.options();
        if self.options.encode {
            options = options.in_place(false);
        }
        options.spent = self.spent;
        let generation = match registry.hot_update_all(libraries, options) {
            Updated(update) => update.generation,
            Unchanged { generation } => generation,
            Deferred { .. } => {
                self.take_widgets(widgets);
                return Outcome::Deferred;
            }
            _ => return Outcome::Refused,
        };
        self.take_widgets(widgets);
        Outcome::Running { generation }
    }

    /// Notes which crates have which widgets.
    fn take_widgets(&mut self, widgets: Vec<(String, BTreeSet<String>)>) {
        for (name, ids) in widgets {
            if let Some(package) = self.project.packages.iter().find(|package| package.name == name) {
                self.homes.extend(ids.iter().map(|id| (id.clone(), package.directory().to_owned())));
            }
            self.widgets.insert(name, ids);
        }
    }

    /// Ends what runs of a crate that is gone from the project. A program's own widgets are its own business.
    fn leave(&mut self, package: &str, registry: &mut Registry, audience: &mut dyn Audience) {
        let Some(ids) = self.widgets.remove(package).filter(|_| !self.options.embedded) else { return };
        audience.note("left", &format!("`{package}` is no member of the workspace any more"));
        self.homes.retain(|id, _| !ids.contains(id));
        registry.remove_library(package);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
