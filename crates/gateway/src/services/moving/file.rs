//! An export: JSON Lines.
//!
//! ```text
//! {"gateway_export":1,"scope":"installation","release":"0.1.0","schema":"0039","migrations":37,"taken":"…","database":"sqlite","installation":"…"}
//! {"table":"accounts","row":{"seq":1,"id":"…",…}}
//! …
//! {"end":{"rows":{"accounts":3,…},"numbers":{"accounts":3,…},"sha256":"…"}}
//! {"signature":"…"}
//! ```
//!
//! The end says how many lines there are of each kind and has the checksum of all bytes before it, so a file that was cut off or damaged is refused.
//! The signature is a tag over the end that only the keys of the installation make.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use oauth::Keyring;
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Each, MoveError, Rows};
use crate::platform::new_file::NewFile;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::backup::Numbers;
use crate::storage::tables::Table;

/// The form that is written here.
const FORM: u32 = 1;
/// What the signature is made for, and what an installation is known by.
const SIGNATURE: &str = "export";
const INSTALLATION: &str = "installation of an export";
/// The last two lines have no more bytes, nor has the first.
const LONGEST_END: u64 = 64 * 1024;
/// No line has more bytes: a bulk request that waits for its repetition is the longest.
const LONGEST_LINE: u64 = 256 << 20;
/// How many bytes are read at once.
const CHUNK: usize = 1 << 20;

/// What a file says of itself in its first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    gateway_export: u32,
    /// What is in it.
    pub scope: Scope,
    /// The release that made it.
    pub release: String,
    /// The newest migration of its schema,
    pub schema: String,
    /// and how many there were.
    pub migrations: usize,
    /// The time whose state it has, in RFC 3339.
    pub taken: String,
    /// The kind of database that it was read from.
    pub database: String,
    /// What only this installation is known by; it opens nothing.
    pub installation: String,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every row of every table.
    Installation,
    /// One account.
    Account {
        /// Its id,
        id: String,
        /// and its name.
        name: String,
    },
}

/// What stands at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    /// How many lines there are of each table.
    rows: Numbers,
    /// The number that each table gave last.
    numbers: Numbers,
    /// Of everything before.
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct EndLine {
    end: End,
}

#[derive(Serialize, Deserialize)]
struct SignatureLine {
    signature: String,
}

#[derive(Deserialize)]
struct RowLine<'l> {
    table: &'l str,
    #[serde(borrow)]
    row: &'l RawValue,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotAnExport {
    /// It begins with something else.
    #[error("it is no export of `gateway export`: its first line does not say so")]
    NoHeader,
    /// It has no end.
    #[error("it is not a whole export: what stands at the end of one is not there")]
    NoEnd,
    /// A release to come made it.
    #[error("a newer release made it (form {0}; this one reads form {FORM}): import it with that release")]
    Newer(u32),
    /// The schema is another.
    #[error(
        "release {release} made it, with schema {schema}; this is release {this}, with schema {known}. Import it with that release, and \
         upgrade afterwards", this = env!("CARGO_PKG_VERSION")
    )]
    OtherSchema {
        /// Who made it.
        release: String,
        /// With this.
        schema: String,
        /// What this release has.
        known: String,
    },
    /// It is of something else.
    #[error("{0}")]
    OtherScope(String),
    /// It was changed by accident.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It was changed on purpose, or is another installation's.
    #[error("it is not signed by the keys of the installation in it, so it was changed after it was made")]
    Changed,
    /// The file system failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Header {
    /// Of an export that is made now.
    pub(super) fn new(
        scope: Scope,
        (schema, migrations): (String, usize),
        database: &str,
        keys: &Keyring,
        now: Timestamp,
    ) -> Header {
        Header {
            gateway_export: FORM,
            scope,
            release: env!("CARGO_PKG_VERSION").to_owned(),
            schema,
            migrations,
            taken: system::rfc3339(now),
            database: database.to_owned(),
            installation: hex(&keys.tag(INSTALLATION, b"")),
        }
    }
}

/// A file that is being written.
pub(super) struct Writer {
    new: NewFile,
    buffer: Vec<u8>,
    sum: digest::Context,
    rows: Numbers,
}

impl Writer {
    pub(super) fn begin(new: NewFile, header: &Header) -> Result<Writer, std::io::Error> {
        let (sum, rows) = (digest::Context::new(&digest::SHA256), Numbers::new());
        let mut writer = Writer { new, buffer: Vec::new(), sum, rows };
        writer.line(&serde_json::to_string(header)?)?;
        Ok(writer)
    }

    /// Adds a row, which is a JSON object.
    pub(super) fn row(&mut self, table: &str, row: &str) -> Result<(), std::io::Error> {
        match self.rows.get_mut(table) {
            Some(n) => *n += 1,
            None => drop(self.rows.insert(table.to_owned(), 1)),
        }
        self.line(&format!("{{\"table\":\"{table}\",\"row\":{row}}}"))
    }

    fn line(&mut self, text: &str) -> Result<(), std::io::Error> {
        self.buffer.extend_from_slice(text.as_bytes());
        self.buffer.push(b'\n');
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), std::io::Error> {
        self.sum.update(&self.buffer);
        self.new.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes its end and gives it its name; says what is in it, and its checksum.
    pub(super) fn finish(mut self, numbers: Numbers, keys: &Keyring) -> Result<(Numbers, String), std::io::Error> {
        self.flush()?;
        let sha256 = hex(self.sum.finish().as_ref());
        let end = EndLine { end: End { rows: self.rows.clone(), numbers, sha256: sha256.clone() } };
        let end = serde_json::to_string(&end)?;
        let signature = SignatureLine { signature: hex(&keys.tag(SIGNATURE, end.as_bytes())) };
        let mut file = BufWriter::new(&mut self.new.file);
        writeln!(file, "{end}\n{}", serde_json::to_string(&signature)?)?;
        file.flush()?;
        drop(file);
        self.new.place()?;
        Ok((self.rows, sha256))
    }
}

/// A file that is read.
pub(super) struct Export {
    path: PathBuf,
    file: File,
    /// What it says of itself.
    pub(super) header: Header,
    end: End,
    end_line: String,
    signature: String,
    /// How many bytes stand before the end.
    bytes: u64,
}

impl Export {
    /// Reads how it begins and how it ends.
    pub(super) fn open(path: &Path) -> Result<Export, NotAnExport> {
        let mut file = File::open(path)?;
        let header = first_line(&mut file)?;
        let form: Form = serde_json::from_str(&header).map_err(|_| NotAnExport::NoHeader)?;
        if form.gateway_export > FORM {
            return Err(NotAnExport::Newer(form.gateway_export));
        }
        let header = serde_json::from_str(&header).map_err(|_| NotAnExport::NoHeader)?;
        let length = file.seek(SeekFrom::End(0))?;
        let from = length.saturating_sub(LONGEST_END);
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        Read::by_ref(&mut file).take(LONGEST_END).read_to_end(&mut tail)?;
        let begins = tail.windows(8).rposition(|window| window == b"\n{\"end\":").ok_or(NotAnExport::NoEnd)? + 1;
        let text = std::str::from_utf8(&tail[begins..]).map_err(|_| NotAnExport::NoEnd)?;
        let lines = text.strip_suffix('\n').and_then(|text| text.split_once('\n')).ok_or(NotAnExport::NoEnd)?;
        let EndLine { end } = serde_json::from_str(lines.0).map_err(|_| NotAnExport::NoEnd)?;
        let SignatureLine { signature } = serde_json::from_str(lines.1).map_err(|_| NotAnExport::NoEnd)?;
        let path = path.to_owned();
        Ok(Export { path, file, header, end, end_line: lines.0.to_owned(), signature, bytes: from + begins as u64 })
    }

    /// Whether it is a whole installation with this schema.
    pub(super) fn suits(&self, known: &(String, usize)) -> Result<(), NotAnExport> {
        let Header { release, schema, migrations, .. } = &self.header;
        if (schema, migrations) != (&known.0, &known.1) {
            let (release, schema, known) = (release.clone(), schema.clone(), known.0.clone());
            return Err(NotAnExport::OtherSchema { release, schema, known });
        }
        Ok(())
    }

    /// How many rows it has of each table.
    pub(super) fn rows(&self) -> &Numbers {
        &self.end.rows
    }

    /// The checksum that it says it has.
    pub(super) fn sha256(&self) -> &str {
        &self.end.sha256
    }

    /// Reads all of it for its checksum.
    pub(super) fn check(&mut self, tell: &mut dyn FnMut(u64, u64) -> Result<(), MoveError>) -> Result<(), MoveError> {
        self.file.seek(SeekFrom::Start(0))?;
        let (mut sum, mut chunk, mut read) = (digest::Context::new(&digest::SHA256), vec![0; CHUNK], 0);
        let mut all = Read::by_ref(&mut self.file).take(self.bytes);
        loop {
            match all.read(&mut chunk)? {
                0 => break,
                n => {
                    sum.update(&chunk[..n]);
                    read += n as u64;
                    tell(read, self.bytes)?;
                }
            }
        }
        let (is, was) = (hex(sum.finish().as_ref()), &self.end.sha256);
        if is == *was {
            return Ok(());
        }
        Err(self.damaged(format!("the SHA-256 of its lines is {is}, and was {was} when it was made")))
    }

    fn damaged(&self, why: String) -> MoveError {
        MoveError::NotAnExport(self.path.clone(), NotAnExport::Damaged(why))
    }

    /// Gives each row, with what it is of.
    pub(super) fn each_line(
        &mut self,
        each: &mut dyn FnMut(&str, &str) -> Result<(), MoveError>,
    ) -> Result<(), MoveError> {
        let path = self.path.clone();
        let damaged = |why: String| MoveError::NotAnExport(path.clone(), NotAnExport::Damaged(why));
        self.file.seek(SeekFrom::Start(0))?;
        let mut lines = BufReader::with_capacity(CHUNK, Read::by_ref(&mut self.file).take(self.bytes));
        let (mut line, mut number) = (String::new(), 0_u64);
        loop {
            line.clear();
            number += 1;
            if Read::by_ref(&mut lines).take(LONGEST_LINE).read_line(&mut line)? == 0 {
                return Ok(());
            }
            if number > 1 {
                let RowLine { table, row } =
                    serde_json::from_str(&line).map_err(|e| damaged(format!("line {number} cannot be read: {e}")))?;
                each(table, row.get())?;
            }
        }
    }
}

impl Rows for Export {
    fn each(&mut self, tables: &[Table], each: Each<'_>) -> Result<Vec<i64>, MoveError> {
        let numbers =
            tables.iter().map(|table| self.end.numbers.get(&table.name).copied().unwrap_or_default()).collect();
        let (path, mut at) = (self.path.clone(), 0);
        self.each_line(&mut |name, row| {
            if tables[at].name != name {
                let found = tables.iter().position(|table| table.name == name);
                at = found.ok_or_else(|| {
                    let why = format!("there is no table {name}");
                    MoveError::NotAnExport(path.clone(), NotAnExport::Damaged(why))
                })?;
            }
            each(at, row)
        })?;
        Ok(numbers)
    }

    /// Whether an installation with these keys wrote it as it is.
    fn are_of(&self, keys: &Keyring) -> Result<(), MoveError> {
        match hex(&keys.tag(SIGNATURE, self.end_line.as_bytes())) == self.signature {
            true => Ok(()),
            false => Err(MoveError::NotAnExport(self.path.clone(), NotAnExport::Changed)),
        }
    }
}

fn first_line(file: &mut File) -> Result<String, NotAnExport> {
    let mut first = String::new();
    let read = BufReader::new(Read::by_ref(file).take(LONGEST_END)).read_line(&mut first);
    match read {
        Ok(_) => Ok(first),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(NotAnExport::NoHeader),
        Err(error) => Err(error.into()),
    }
}

/// What every form begins with.
#[derive(Deserialize)]
struct Form {
    gateway_export: u32,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
