//! `edrctl ksc-task`: the nine response tasks of Kaspersky Endpoint Security, through Kaspersky Security Center.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand, ValueEnum};

use super::act::{self, Deed, Errand};
use crate::{
    cli::{
        args::{ChangeArgs, CrowdArgs},
        context::Context,
        error::CommandError,
    },
    domain::{action::ActionKind, id::RunId, outcome::ExitCode},
    engine::roster::Roster,
    vendors::{
        VendorName,
        kaspersky::{
            self, Task, TaskError, TaskKind,
            tasks::{FilePath, FileTask, IocFiles, IocLimits, Line, Md5, ScanObject, ScanObjects},
        },
    },
};

/// A file with a task is not longer than this: the archive of a scan for indicators is its largest part.
const LONGEST: u64 = 32 * 1024 * 1024;

/// Have hosts carry out a response task, through Kaspersky Security Center
///
/// Security Center takes a task as an incident, of which something beside it makes a task. `accepted` means that the incident
/// is there, and no more: nobody has carried anything out by then. With --wait each task is followed until the console
/// reports that the host has carried it out (`confirmed`) or could not (`failed`). A task that gets no further is
/// `unconfirmed`, and `state` has the last word that is proved: submitted, task_created, pending, running, paused.
///
/// The console keeps a hundred response tasks, and a further one pushes the oldest out, done or not. A run that would push out
/// what is not done is refused; --wait sends it in waves instead, if all tasks that are there are done.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, subcommand_value_name = "TASK")]
pub(crate) struct KscTaskArgs {
    #[command(subcommand)]
    task: Option<TaskCommand>,
    #[command(flatten)]
    errand: ErrandArgs,
}

/// What every task may be told.
#[derive(Debug, Args)]
struct ErrandArgs {
    #[command(flatten)]
    change: ChangeArgs,
    /// The task, from a file in the shape that Kaspersky documents: {"task": "deleteFile", "params": {…}}
    #[arg(long, value_name = "FILE", help_heading = "Task")]
    task_file: Option<PathBuf>,
    /// Print what would be sent for each host, as JSON, and send nothing
    #[arg(long, help_heading = "Task")]
    print: bool,
    #[command(flatten)]
    crowd: CrowdArgs,
}

/// The nine tasks.
#[derive(Debug, Subcommand)]
enum TaskCommand {
    /// Fetch a file from each host into the console's storage
    #[command(visible_alias = "getFile")]
    GetFile(GetFileArgs),
    /// Delete a file on each host, for good
    #[command(visible_alias = "deleteFile")]
    DeleteFile(DeleteFileArgs),
    /// Put a file into the quarantine of each host
    #[command(visible_alias = "quarantineFile")]
    QuarantineFile(QuarantineFileArgs),
    /// Look for indicators of compromise on each host
    #[command(visible_alias = "iocScan")]
    IocScan(IocScanArgs),
    /// Start a program on each host
    #[command(visible_alias = "startProcess")]
    StartProcess(StartProcessArgs),
    /// End every process of a program on each host
    #[command(visible_alias = "terminateProcess")]
    TerminateProcess(TerminateProcessArgs),
    /// Cut each host off the network, or put it back
    ///
    /// The agent may put the host back by itself after some hours: eight by default on Windows, five on Linux, as far as that
    /// is documented.
    #[command(visible_alias = "isolateHost")]
    IsolateHost(IsolateHostArgs),
    /// Forbid a program to be started on each host
    ///
    /// The rule may go into the policy of the host's administration group, and so hold for every host in it.
    #[command(visible_alias = "preventExecution")]
    PreventExecution(PreventExecutionArgs),
    /// Scan each host
    #[command(visible_alias = "onDemandScan")]
    OnDemandScan(OnDemandScanArgs),
}

/// A file on the host.
#[derive(Debug, Args)]
#[command(next_help_heading = "Task")]
struct FileArgs {
    /// The file's path on the host; masks are not understood
    #[arg(long, value_name = "PATH", required_unless_present = "task_file", conflicts_with = "task_file")]
    path: Option<String>,
    /// Only if the file has this MD5
    #[arg(long, visible_alias = "md5hash", value_name = "HASH", conflicts_with = "task_file")]
    md5: Option<String>,
    /// Only if the file has this SHA-256
    #[arg(long, visible_alias = "sha256hash", value_name = "HASH", conflicts_with = "task_file")]
    sha256: Option<String>,
}

#[derive(Debug, Args)]
struct GetFileArgs {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct DeleteFileArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Search the folders below the path's for it, too
    #[arg(long, help_heading = "Task", conflicts_with = "task_file")]
    search_in_subfolders: bool,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct QuarantineFileArgs {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Task")]
struct IocScanArgs {
    /// Indicators: an .ioc or .xml file in OpenIOC form, a folder of such files, or a ZIP archive; may be repeated
    #[arg(long, value_name = "PATH", required_unless_present = "task_file", conflicts_with = "task_file")]
    ioc: Vec<PathBuf>,
    /// Cut a host off the network where something is found
    #[arg(long, conflicts_with = "task_file")]
    isolate_host: bool,
    /// Scan the critical areas of a host where something is found
    #[arg(long, conflicts_with = "task_file")]
    scan_critical_areas: bool,
    /// Put what is found into quarantine
    #[arg(long, conflicts_with = "task_file")]
    quarantine_object: bool,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Task")]
struct StartProcessArgs {
    /// The program's path on the host
    #[arg(
        long,
        visible_alias = "executable",
        value_name = "PATH",
        required_unless_present = "task_file",
        conflicts_with = "task_file"
    )]
    executable_path: Option<String>,
    /// Its arguments, in one text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "task_file")]
    arguments: Option<String>,
    /// The folder that it is started in
    #[arg(long, value_name = "PATH", conflicts_with = "task_file")]
    working_folder: Option<String>,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct TerminateProcessArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Capitals in the path count
    #[arg(long, help_heading = "Task", conflicts_with = "task_file")]
    case_sensitive: bool,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
struct IsolateHostArgs {
    /// on cuts hosts off (as does 1), off puts them back (as does 0)
    #[arg(
        long,
        value_name = "STATE",
        help_heading = "Task",
        required_unless_present = "task_file",
        conflicts_with = "task_file"
    )]
    action: Option<OnOff>,
    #[command(flatten)]
    errand: ErrandArgs,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnOff {
    /// Cut off
    #[value(alias = "1")]
    On,
    /// Put back
    #[value(alias = "0")]
    Off,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Task")]
struct PreventExecutionArgs {
    /// The program's MD5; there is no other form
    #[arg(
        long,
        visible_alias = "md5",
        value_name = "MD5",
        required_unless_present = "task_file",
        conflicts_with = "task_file"
    )]
    hash: Option<String>,
    /// The program's path on the host
    #[arg(long, value_name = "PATH", required_unless_present = "task_file", conflicts_with = "task_file")]
    path: Option<String>,
    /// Capitals in the path count
    #[arg(long, conflicts_with = "task_file")]
    case_sensitive: bool,
    #[command(flatten)]
    errand: ErrandArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Task")]
struct OnDemandScanArgs {
    /// What is scanned, by name (such as SystemMemory or AllFixedDrives), by the vendor's number, or a folder by its path; may
    /// be repeated
    #[arg(long, value_name = "OBJECT", required_unless_present = "task_file", conflicts_with = "task_file")]
    object: Vec<String>,
    /// Leave out the folders below those that are named
    #[arg(long, conflicts_with = "task_file")]
    not_recursive: bool,
    #[command(flatten)]
    errand: ErrandArgs,
}

/// Runs it.
pub(crate) async fn run(args: KscTaskArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let (kind, given, errand) = match args.task {
        None => (None, None, args.errand),
        Some(command) => command.into_parts(),
    };
    let task = match (&errand.task_file, given) {
        (Some(path), _) => {
            let task = of_file(path)?;
            if let Some(kind) = kind.filter(|kind| *kind != task.kind()) {
                let text = format!("`{}` holds the task {}, and {kind} was asked for", path.display(), task.kind());
                return Err(CommandError::text(ExitCode::Usage, text));
            }
            task
        }
        (None, Some(given)) => given.map_err(wrong)?,
        (None, None) => {
            if let Some(error) = errand.change.targets.files.first().and_then(|file| no_task(&file.to_string_lossy())) {
                return Err(error);
            }
            return Err(CommandError::text(ExitCode::Usage, "a task is asked for, by its name or with `--task-file`")
                .hint("`edrctl ksc-task --help` lists the nine"));
        }
    };
    // What there is an action for is that action, with the words and the way back that it has everywhere.
    let action = match task {
        Task::IsolateHost { on: true } => ActionKind::Isolate,
        Task::IsolateHost { on: false } => ActionKind::Unisolate,
        _ => ActionKind::Task,
    };
    let deed = Deed {
        errand: Some(Errand { task: Arc::new(task), print: errand.print }),
        crowd: errand.crowd,
        own_name: Some("ksc-task"),
        ..Deed::plain(action, VendorName::Kaspersky)
    };
    act::run(deed, errand.change, context).await
}

/// What is wrong with the words of a command line that could not be read, where that is the task: what is no task is taken
/// for a target file, and what comes next is then what is complained of.
pub(crate) fn explain(arguments: impl IntoIterator<Item = OsString>) -> Option<CommandError> {
    let words = arguments.into_iter().skip_while(|word| word != "ksc-task").skip(1);
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let first = words.first()?;
    if !first.starts_with('-') {
        return no_task(first);
    }
    let task = words.iter().find_map(|word| TaskKind::from_word(word).ok())?;
    let text = format!("the task comes first, and its options behind it: `edrctl ksc-task {task} {first} …`");
    Some(CommandError::text(ExitCode::Usage, text))
}

/// That this is no task, if it is none and no file either.
fn no_task(word: &str) -> Option<CommandError> {
    let unknown = TaskKind::from_word(word).err()?;
    let is_file = word == "-" || word == "help" || Path::new(word).exists();
    (!is_file).then(|| {
        CommandError::new(ExitCode::Usage, unknown)
            .hint("`edrctl ksc-task --help` lists the nine; target files come last")
    })
}

fn wrong(error: TaskError) -> CommandError {
    CommandError::new(ExitCode::Usage, error).context("read the task; nothing was sent")
}

fn of_file(path: &Path) -> Result<Task, CommandError> {
    let failed = |error: io::Error| {
        CommandError::new(ExitCode::Usage, error).context(format!("read the task in `{}`", path.display()))
    };
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text)).map_err(failed)?;
    Task::from_json(&text, &IocLimits::default())
        .map_err(|error| wrong(error).context(format!("use `{}`", path.display())))
}

impl TaskCommand {
    /// Which task it is, what was given of it, and the rest.
    fn into_parts(self) -> (Option<TaskKind>, Option<Result<Task, TaskError>>, ErrandArgs) {
        let (kind, task, errand) = match self {
            Self::GetFile(args) => (TaskKind::GetFile, args.file.file().map(Task::GetFile), args.errand),
            Self::QuarantineFile(args) => {
                (TaskKind::QuarantineFile, args.file.file().map(Task::QuarantineFile), args.errand)
            }
            Self::DeleteFile(args) => {
                let in_subfolders = args.search_in_subfolders.then_some(true);
                let task = args.file.file().map(|file| Task::DeleteFile { file, in_subfolders });
                (TaskKind::DeleteFile, task, args.errand)
            }
            Self::TerminateProcess(args) => {
                let case_sensitive = args.case_sensitive;
                let task = args.file.file().map(|file| Task::TerminateProcess { file, case_sensitive });
                (TaskKind::TerminateProcess, task, args.errand)
            }
            Self::IocScan(args) => (TaskKind::IocScan, args.task(), args.errand),
            Self::StartProcess(args) => (TaskKind::StartProcess, args.task(), args.errand),
            Self::IsolateHost(args) => {
                let on = args.action != Some(OnOff::Off);
                (TaskKind::IsolateHost, Ok(Task::IsolateHost { on }), args.errand)
            }
            Self::PreventExecution(args) => (TaskKind::PreventExecution, args.task(), args.errand),
            Self::OnDemandScan(args) => (TaskKind::OnDemandScan, args.task(), args.errand),
        };
        let given = errand.task_file.is_none();
        (Some(kind), given.then_some(task), errand)
    }
}

impl FileArgs {
    fn file(&self) -> Result<FileTask, TaskError> {
        let text = |given: &Option<String>| given.clone().unwrap_or_default();
        FileTask::new(&text(&self.path), &text(&self.md5), &text(&self.sha256))
    }
}

impl IocScanArgs {
    fn task(&self) -> Result<Task, TaskError> {
        Ok(Task::IocScan {
            files: IocFiles::from_paths(&self.ioc, &IocLimits::default())?,
            isolate: self.isolate_host,
            scan_critical_areas: self.scan_critical_areas,
            quarantine: self.quarantine_object,
        })
    }
}

impl StartProcessArgs {
    fn task(&self) -> Result<Task, TaskError> {
        let folder = self.working_folder.as_deref().map(|folder| FilePath::new("--working-folder", folder));
        Ok(Task::StartProcess {
            executable: FilePath::new("--executable-path", self.executable_path.as_deref().unwrap_or_default())?,
            arguments: self.arguments.as_deref().map(|text| Line::new("--arguments", text)).transpose()?,
            folder: folder.transpose()?,
        })
    }
}

impl PreventExecutionArgs {
    fn task(&self) -> Result<Task, TaskError> {
        Ok(Task::PreventExecution {
            md5: Md5::new("--hash", self.hash.as_deref().unwrap_or_default())?,
            path: FilePath::new("--path", self.path.as_deref().unwrap_or_default())?,
            case_sensitive: self.case_sensitive,
        })
    }
}

impl OnDemandScanArgs {
    fn task(&self) -> Result<Task, TaskError> {
        let object = |word: &String| {
            let object = ScanObject::from_word(word)?;
            ScanObject::new(object.scan_type(), object.path(), !self.not_recursive, true)
        };
        let objects = self.object.iter().map(object).collect::<Result<Vec<_>, _>>()?;
        Ok(Task::OnDemandScan(ScanObjects::new(objects)?))
    }
}

/// Prints what would be sent for each host: one call a line, as its body goes over the wire.
pub(super) fn print(task: &Task, roster: &Roster, run: &RunId) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for n in roster.to_act() {
        let Some(id) = roster.item(n).and_then(|item| item.host.as_ref()) else { continue };
        let call = kaspersky::draft(task, id, run).map_err(io::Error::other)?;
        writeln!(out, "{call}")?;
    }
    out.flush()
}
