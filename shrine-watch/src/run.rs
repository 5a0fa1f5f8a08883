//! Carries out what a session decides: builds, loads, asks the registry, and tells an audience.

mod answer;
mod stage;
mod visitor;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use shrine::event::{Event, Phases};
use shrine::registry::{Outcome, Registry};

use crate::build::project::Start;
use crate::build::{BuildMessage, Builder, CargoOptions, Package, Project};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::load::Loader;
use crate::session::{Action, Applied, Command, Input, Options, Session};
use crate::watch::{Noticed, Watcher};
use stage::Stage;
use visitor::{Overheard, Visitor};

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
    /// The directory of each crate, by the name of its package.
    directories: BTreeMap<String, PathBuf>,
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
    /// Prepares to watch `project`. Other threads will send to `messages`.
    ///
    /// # Errors
    ///
    /// When the files cannot be watched.
    pub fn new(
        start: Start,
        project: Project,
        cargo: CargoOptions,
        options: Options,
        messages: Sender<Message>,
    ) -> Result<Self, Error> {
        let (noticed, build) = (messages.clone(), messages);
        // A receiver that is gone has ended the run; nobody waits for what is lost then.
        let notice = move |change| drop(noticed.send(Message::Noticed(change)));
        let watcher = (!options.once).then(|| Watcher::start(&project, notice)).transpose()?;
        let loader = Loader::new(&project.target_directory);
        let directories = directories(&project);
        let stage = Stage::new(&project.directory);
        let builder =
            Builder::new(start, cargo, project, move |message| drop(build.send(Message::Build(message))));
        Ok(Self {
            session: Session::new(options),
            options,
            builder,
            watcher,
            loader,
            noticed: None,
            spent: Phases::default(),
            directories,
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
            Message::Build(BuildMessage::Diagnostic { build, rendered }) => {
                Input::Diagnostic { build, rendered }
            }
            Message::Build(BuildMessage::Progress { line, .. }) => {
                audience.progress(&line);
                return ControlFlow::Continue(());
            }
            Message::Build(BuildMessage::Finished(result)) => {
                if let Some(watcher) = &self.watcher {
                    watcher.built(result.clone());
                }
                if let Some(project) = &result.project {
                    self.directories = directories(project);
                }
                self.spent.build = micros(result.took);
                Input::BuildFinished(result)
            }
            Message::Line(line) => Input::Line(line),
            Message::Asked { line, reply } => {
                self.visitors.push(Visitor { line, reply });
                return self.answer_visitors(registry, audience);
            }
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

    /// Lets the registry do what is due, and tells of it.
    pub fn poll(&mut self, registry: &mut Registry, audience: &mut dyn Audience) -> ControlFlow<ExitCode> {
        registry.poll();
        self.tell(registry, audience)
    }

    /// Tells what the registry did.
    fn tell(&mut self, registry: &mut Registry, audience: &mut dyn Audience) -> ControlFlow<ExitCode> {
        for event in registry.take_events() {
            self.feed(Input::Happened(event), registry, audience)?;
        }
        ControlFlow::Continue(())
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
            Action::Apply { package, artifact } => {
                let applied = self.apply(package, &artifact, registry);
                self.tell(registry, audience)?;
                self.feed(Input::Applied(applied), registry, audience)?;
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
                for event in answer::answer(&command, registry, &self.homes) {
                    audience.event(&event);
                }
                self.poll(registry, audience)?;
            }
            Action::Emit(event) => audience.event(&event),
            Action::Show(rendered) => audience.show(&rendered),
            Action::Note { verb, text } => audience.note(&verb, &text),
            Action::Help => audience.help(),
            Action::Exit(code) => return ControlFlow::Break(code),
        }
        ControlFlow::Continue(())
    }

    fn apply(&mut self, package: String, artifact: &Path, registry: &mut Registry) -> Applied {
        let clock = Instant::now();
        let library = match self.loader.load(&package, artifact) {
            Ok(library) => library,
            Err(error) => {
                let (reason, help, no_widgets) = (error.reason, error.help, error.no_widgets);
                return Applied::LoadFailed { package, reason, help, no_widgets };
            }
        };
        self.spent.load = micros(clock.elapsed());
        if let Some(directory) = self.directories.get(&package) {
            let ids = library.modules().iter().map(|module| module.id().to_owned());
            self.homes.extend(ids.map(|id| (id, directory.clone())));
        }
        let mut options = self.stage.options();
        options.spent = self.spent;
        match registry.hot_update(library, options) {
            Outcome::Updated(update) => Applied::Running { generation: update.generation },
            Outcome::Unchanged { generation } => Applied::Running { generation },
            // It waits; what runs, runs on.
            Outcome::Deferred { .. } => {
                Applied::Running { generation: registry.generation().unwrap_or_default() }
            }
            _ => Applied::Refused,
        }
    }
}

fn directories(project: &Project) -> BTreeMap<String, PathBuf> {
    let directory = |package: &Package| (package.name.clone(), package.directory().to_owned());
    project.packages.iter().map(directory).collect()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
