//! What the commands have in common that build a project once, to ask its widgets.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::{Answer, AnswerArguments, MessageFormat};
use super::signals;
use crate::build::project::Start;
use crate::build::{CargoOptions, Package};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::report::Human;
use crate::survey::{Surveyed, Surveyor};

/// Which project, and how it is built.
#[derive(Debug, Args)]
pub(super) struct ProjectArguments {
    /// A widget crate, a workspace of them, or a directory of one [default: the one here].
    pub(super) path: Option<PathBuf>,
    #[command(flatten)]
    pub(super) answer: AnswerArguments,
    #[command(flatten)]
    pub(super) cargo: CargoOptions,
}

impl ProjectArguments {
    /// Does the work of a command, and says what came of it.
    pub(super) fn answer(
        &self,
        command: &str,
        work: impl FnOnce(&mut Survey) -> Result<Answer, Error>,
    ) -> ExitCode {
        self.answer.say(command, || work(&mut Survey::new(self)?))
    }
}

/// A project that can be asked, with a word on standard error while that takes its time.
pub(super) struct Survey {
    surveyor: Surveyor,
    human: Human<std::io::Stderr>,
}

impl Survey {
    fn new(arguments: &ProjectArguments) -> Result<Self, Error> {
        let mut cargo = arguments.cargo.clone();
        cargo.colour =
            arguments.answer.color.on_stderr() && arguments.answer.message_format == MessageFormat::Human;
        let surveyor = Surveyor::new(Start::at(arguments.path.as_deref())?, cargo)?;
        signals::end_at_once(surveyor.canceller())?;
        Ok(Self { surveyor, human: arguments.answer.progress() })
    }

    /// The crates of the project, whatever is in them.
    pub(super) fn packages(&self) -> &[Package] {
        self.surveyor.packages()
    }

    /// The root of the workspace.
    pub(super) fn root(&self) -> &Path {
        self.surveyor.root()
    }

    /// The crates with widgets, built as the watcher builds them.
    pub(super) fn crates(&mut self) -> Result<Vec<Surveyed>, Error> {
        self.build(false)
    }

    /// The same, built as for a release: what `shrine.lock` says is enforced.
    pub(super) fn crates_with_locked_shapes(&mut self) -> Result<Vec<Surveyed>, Error> {
        self.build(true)
    }

    fn build(&mut self, locked_shapes: bool) -> Result<Vec<Surveyed>, Error> {
        let human = &mut self.human;
        human.progress("");
        let surveyed = self.surveyor.survey(locked_shapes, &mut |line| human.progress(line));
        human.end_live_line();
        surveyed
    }
}
