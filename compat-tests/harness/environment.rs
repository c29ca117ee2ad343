//! The environment that a client's cases run in: made from its locked manifest with its own ecosystem's
//! tools, and kept for as long as the manifest stays the same.

use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    Python,
    Node,
    Go,
    /// With libpq, as `pg_config` says where it is.
    C,
    Java,
    /// A package of its own, so that its dependencies aren't Eider's.
    Rust,
    /// Ruby, with what Debian packages.
    Ruby,
    /// PHP, likewise.
    Php,
    /// A program that stands between a client and the nodes, or beside them, and how it is asked for its version: driven from Python.
    Program(&'static str, &'static str),
    /// Chromium, driven from Node.
    Browser,
}

impl Toolchain {
    /// The program that has to be installed, and how it is asked for its version.
    pub fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Python => ("python3", "--version"),
            Self::Node => ("npm", "--version"),
            Self::Go => ("go", "version"),
            Self::C => ("pg_config", "--libdir"),
            Self::Java => ("mvn", "--version"),
            Self::Rust => ("cargo", "--version"),
            Self::Ruby => ("ruby", "--version"),
            Self::Php => ("php", "--version"),
            Self::Program(name, question) => (name, question),
            Self::Browser => ("chromium", "--version"),
        }
    }

    /// The files that say what is installed.
    fn manifest(self) -> &'static [&'static str] {
        match self {
            Self::Python | Self::Program(..) => &["requirements.txt"],
            Self::Ruby | Self::Php => &["packages.txt"],
            Self::Node | Self::Browser => &["package.json", "package-lock.json"],
            Self::Go => &["go.mod", "go.sum"],
            Self::C => &["run.c"],
            Self::Java => &["pom.xml"],
            Self::Rust => &["Cargo.toml", "Cargo.lock"],
        }
    }
}

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("compat-tests")
}

fn perform(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<_> = text.lines().rev().take(5).collect();
    Err(format!("{command:?}: {}: {}", output.status, tail.join(" / ")))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let folder = to.parent().expect("a file is in a folder");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::copy(from, to))
        .map_err(|error| format!("{}: {error}", from.display()))?;
    Ok(())
}

/// Where a client's environment is.
fn home(client: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("compat").join(client)
}

/// Makes the environment if it isn't there, and builds what runs the cases.
///
/// # Errors
/// What failed, with the end of its output.
pub fn prepare(client: &str, toolchain: Toolchain) -> Result<(), String> {
    let (source, home) = (folder().join(client), home(client));
    let read = |name: &&str| {
        std::fs::read_to_string(source.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    let wanted: String = toolchain.manifest().iter().map(read).collect::<Result<_, _>>()?;
    let stamp = home.join("installed");
    if std::fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        let _ = std::fs::remove_dir_all(&home); // There may be none.
        std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
        install(toolchain, &source, &home)?;
        std::fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    }
    match toolchain {
        Toolchain::Python
        | Toolchain::Program(..)
        | Toolchain::C
        | Toolchain::Ruby
        | Toolchain::Php => Ok(()),
        Toolchain::Node | Toolchain::Browser => {
            // Modules are looked for beside the file that imports them.
            copy(&folder().join("harness/cases.mjs"), &home.join("harness/cases.mjs"))?;
            copy(&source.join("run.mjs"), &home.join("client/run.mjs"))
        }
        Toolchain::Go => {
            let mut build = Command::new("go");
            build.args(["build", "-mod=readonly", "-o"]).arg(home.join("run")).arg(".");
            perform(build.current_dir(&source))
        }
        Toolchain::Rust => {
            let mut build = Command::new("cargo");
            build.args(["build", "--quiet", "--locked", "--target-dir"]).arg(home.join("target"));
            perform(build.arg("--manifest-path").arg(source.join("Cargo.toml")))
        }
        Toolchain::Java => {
            let mut compiler = Command::new("javac");
            compiler.arg("-d").arg(home.join("classes")).arg("-cp").arg(home.join("lib/*"));
            perform(compiler.arg(folder().join("harness/Cases.java")).arg(source.join("Run.java")))
        }
    }
}

/// The command that runs the cases; the environment has to be there.
pub fn command(client: &str, toolchain: Toolchain) -> Command {
    let (source, home) = (folder().join(client), home(client));
    let mut command = match toolchain {
        Toolchain::Python | Toolchain::Program(..) => Command::new(home.join("bin/python")),
        Toolchain::Ruby => Command::new("ruby"),
        Toolchain::Php => Command::new("php"),
        Toolchain::Node | Toolchain::Browser => Command::new("node"),
        Toolchain::Go | Toolchain::C => Command::new(home.join("run")),
        Toolchain::Rust => Command::new(home.join("target/debug/run")),
        Toolchain::Java => Command::new("java"),
    };
    match toolchain {
        Toolchain::Python | Toolchain::Program(..) => command.arg(source.join("run.py")),
        Toolchain::Ruby => command.arg(source.join("run.rb")),
        Toolchain::Php => command.arg(source.join("run.php")),
        Toolchain::Node | Toolchain::Browser => command.arg(home.join("client/run.mjs")),
        Toolchain::Go | Toolchain::C | Toolchain::Rust => &mut command,
        Toolchain::Java => {
            let path = format!("{0}/classes:{0}/lib/*", home.display());
            command.args(["-cp", &path, "Run"])
        }
    };
    // Where a client's other files are: migrations and the like.
    command.env("EIDER_FOLDER", source);
    command
}

/// Where `pg_config` says that something is.
fn configured(question: &str) -> Result<String, String> {
    let asked = Command::new("pg_config").arg(question).output();
    let output = asked.map_err(|error| format!("pg_config: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn install(toolchain: Toolchain, source: &Path, home: &Path) -> Result<(), String> {
    match toolchain {
        Toolchain::Python | Toolchain::Program(..) => {
            perform(Command::new("python3").args(["-m", "venv"]).arg(home))?;
            let options = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"];
            let mut pip = Command::new(home.join("bin/pip"));
            perform(pip.args(options).arg(source.join("requirements.txt")))
        }
        Toolchain::Node | Toolchain::Browser => {
            for name in toolchain.manifest() {
                copy(&source.join(name), &home.join(name))?;
            }
            let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
            perform(Command::new("npm").args(options).current_dir(home))
        }
        Toolchain::Ruby | Toolchain::Php => installed_packages(&source.join("packages.txt")),
        // They fetch what they build with.
        Toolchain::Go | Toolchain::Rust => Ok(()),
        Toolchain::C => {
            let mut compiler = Command::new("cc");
            compiler.args(["-O1", "-o"]).arg(home.join("run")).arg(source.join("run.c"));
            compiler.arg(format!("-I{}", configured("--includedir")?));
            compiler.arg(format!("-L{}", configured("--libdir")?));
            perform(compiler.args(["-lpq", "-lpthread"]))
        }
        Toolchain::Java => {
            let mut maven = Command::new("mvn");
            maven.args(["-q", "-B", "-f"]).arg(source.join("pom.xml"));
            maven.arg("dependency:copy-dependencies");
            perform(maven.arg(format!("-DoutputDirectory={}", home.join("lib").display())))
        }
    }
}

/// Whether Debian has installed the packages of a list: a line each, with what the version begins with.
fn installed_packages(list: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(list).map_err(|error| error.to_string())?;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (package, wanted) = line.split_once(' ').unwrap_or((line, ""));
        let mut query = Command::new("dpkg-query");
        let asked = query.args(["-W", "-f", "${Version}", package]).output();
        let output = asked.map_err(|error| format!("dpkg-query: {error}"))?;
        let version = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !version.starts_with(wanted) {
            return Err(format!("the package {package} {wanted} is wanted, there is '{version}'"));
        }
    }
    Ok(())
}
