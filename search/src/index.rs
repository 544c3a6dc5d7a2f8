//! An index in a folder.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tantivy::collector::{Count, TopDocs};
use tantivy::directory::error::LockError;
use tantivy::directory::{DirectoryLock, Lock, MmapDirectory};
use tantivy::query::Query as Ask;
use tantivy::schema::Value;
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::{
    DocAddress, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TantivyDocument,
    TantivyError, Term,
};

use crate::fields::{Fields, KEY, STARTED_AT, VERSION, unpack};
use crate::letters::{TEXT, dictionary, fold, words};
use crate::query::{Clause, all_of, filters, holds, holds_some, ranks, some_of};
use crate::snippet::snippets;
use crate::word::Word;
use crate::{Entry, Error, Found, Hit, Order, Query};

/// What the folder holds: changes with the fields, and with anything that reads texts another way.
const FORMAT: &str = "12345 search 2\n";

/// File that says so.
const FORMAT_FILE: &str = "format";
/// File that says which process owns the folder.
const OWNER_FILE: &str = "owner";
/// File that is locked while a process owns the folder; the system unlocks it when that ends.
const LOCK_FILE: &str = ".lock";

/// Threads that write. Two, since the dictionary costs most.
const THREADS: usize = 2;
/// What they may hold before they write a piece, in bytes.
const HEAP: usize = 64 << 20;

/// Transcripts are compressed by so many bytes together.
const BLOCK: usize = 32 << 10;

/// Where fewer entries than this are spelt like the query, those that sound like it are let in.
const FEW: usize = 50;

/// Most hits in one answer.
const MOST: usize = 1_000;

/// Most words to find similar entries by.
const TELLING: usize = 24;

/// Words that stand in every call.
const CHATTER: &str = "您好 你好 请问 谢谢 再见 请讲 喂 我们 你们 他们 咱们 这个 那个 这边 那边 这里 那里 这样 那样 什么 怎么 \
                       为什么 现在 就是 还是 但是 因为 所以 然后 如果 可以 没有 不是 一个 一下 一直 已经 知道 觉得 \
                       时候 情况 问题 反映 市民 来电 先生 女士 热线 工号 服务 希望 要求 进行 相关 部门 处理 是否";

/// Words of tickets and transcripts, to be found.
///
/// What is put or removed is found after [`Index::commit`]; a killed process leaves what was
/// committed last. One process owns an index.
pub struct Index {
    path: PathBuf,
    fields: Fields,
    new: bool,
    reader: IndexReader,
    writer: Mutex<IndexWriter>,
    // Given back last.
    _lock: DirectoryLock,
}

impl Index {
    /// Opens the index in a folder, which is made where there is none. What an earlier version
    /// left, or what is damaged, is cleared: see [`Index::is_new`].
    ///
    /// # Errors
    /// Another process owns the folder, it holds something else, or the system refuses.
    pub fn open(dir: &Path) -> Result<Index, Error> {
        let io = |error| Error::io(dir, error);
        std::fs::create_dir_all(dir).map_err(io)?;
        let same = match std::fs::read(dir.join(FORMAT_FILE)) {
            Ok(format) => format == FORMAT.as_bytes(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(io(error)),
        };
        if !same {
            only_ours(dir)?;
        }
        let directory =
            MmapDirectory::open(dir).map_err(|error| Error::tantivy(dir, error.into()))?;
        let lock = own(dir, &directory)?;
        // The dictionary is wanted soon, and takes longer to load than the folder to open.
        std::thread::spawn(dictionary);
        let fields = Fields::new();
        let before = if same { reopen(dir, &directory, &fields)? } else { None };
        let new = before.is_none();
        let index = match before {
            Some(index) => index,
            None => create(dir, &fields)?,
        };
        let tantivy = |error| Error::tantivy(dir, error);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into();
        let reader: IndexReader = reader.map_err(tantivy)?;
        let writer = index.writer_with_num_threads(THREADS, HEAP).map_err(tantivy)?;
        Ok(Index {
            path: dir.to_owned(),
            fields,
            new,
            reader,
            writer: Mutex::new(writer),
            _lock: lock,
        })
    }

    /// Whether opening found nothing that it could use: everything is to be put again. A process
    /// killed while it does so leaves a part, which [`Index::versions`] tells.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.new
    }

    /// Puts entries in, each in the place of the one with its key. To be found after
    /// [`Index::commit`].
    ///
    /// # Errors
    /// The system refuses, or the disk is full: what was not committed is to be put again, into
    /// an index that was opened again.
    pub fn put(&self, entries: &[Entry]) -> Result<(), Error> {
        let writer = self.writer();
        for entry in entries {
            writer.delete_term(Term::from_field_text(self.fields.key, &entry.key));
            let document = self.fields.document(entry);
            writer.add_document(document).map_err(|error| self.error(error))?;
        }
        Ok(())
    }

    /// Takes out the entries with these keys. They are found until [`Index::commit`].
    pub fn remove<S: AsRef<str>>(&self, keys: &[S]) {
        let writer = self.writer();
        for key in keys {
            writer.delete_term(Term::from_field_text(self.fields.key, key.as_ref()));
        }
    }

    /// Makes durable, and findable, what was put and removed.
    ///
    /// # Errors
    /// The system refuses, or the disk is full: what was committed before stays, and the rest is
    /// to be put again, into an index that was opened again.
    pub fn commit(&self) -> Result<(), Error> {
        let mut writer = self.writer();
        writer.commit().map_err(|error| self.error(error))?;
        self.reader.reload().map_err(|error| self.error(error))
    }

    /// The key and version of every entry that can be found.
    ///
    /// # Errors
    /// The index is damaged.
    pub fn versions(&self) -> Result<HashMap<String, u64>, Error> {
        guarded(&self.path, || self.read_versions())
    }

    fn read_versions(&self) -> Result<HashMap<String, u64>, TantivyError> {
        let searcher = self.reader.searcher();
        let mut versions = HashMap::with_capacity(searcher.num_docs() as usize);
        for segment in searcher.segment_readers() {
            let Some(keys) = segment.fast_fields().str(KEY)? else { continue };
            let numbers = segment.fast_fields().u64(VERSION)?;
            let mut names = Vec::with_capacity(keys.num_terms());
            let mut stream = keys.dictionary().stream()?;
            while stream.advance() {
                names.push(String::from_utf8_lossy(stream.key()).into_owned());
            }
            for document in segment.doc_ids_alive() {
                let name = keys.ords().first(document).and_then(|name| names.get(name as usize));
                if let (Some(name), Some(version)) = (name, numbers.first(document)) {
                    versions.insert(name.clone(), version);
                }
            }
        }
        Ok(versions)
    }

    /// Finds entries. Any words are a query; without words, filters alone decide.
    ///
    /// # Errors
    /// The index is damaged.
    pub fn find(&self, query: &Query) -> Result<Found, Error> {
        guarded(&self.path, || self.search(query))
    }

    fn search(&self, query: &Query) -> Result<Found, TantivyError> {
        let searcher = self.reader.searcher();
        let words = Word::parse(&query.words);
        let asked = |mut clauses: Vec<Clause>| {
            clauses.extend(filters(&self.fields, query));
            if query.order == Order::Relevance && !words.is_empty() {
                clauses.extend(ranks(&self.fields, &words));
            }
            all_of(clauses)
        };
        let ranked = query.order == Order::Relevance && !words.is_empty();
        let holding = |alike| asked(holds(&self.fields, &words, alike));
        let (mut total, mut hits) = page(&searcher, &*holding(false), ranked, query)?;
        let mut alike = false;
        if total < FEW && words.iter().any(|word| !word.sounds.is_empty()) {
            let spelt = total;
            (total, hits) = page(&searcher, &*holding(true), ranked, query)?;
            alike = total > spelt;
        }
        let partial = total == 0 && !words.is_empty();
        if partial {
            let some = asked(vec![holds_some(&self.fields, &words)]);
            (total, hits) = page(&searcher, &*some, ranked, query)?;
        }
        let partial = partial && total > 0;
        let hits = hits
            .into_iter()
            .map(|(score, address)| {
                let snippets = if words.is_empty() {
                    Vec::new()
                } else {
                    let document: TantivyDocument = searcher.doc(address)?;
                    let transcript = document.get_first(self.fields.transcript);
                    let transcript =
                        transcript.as_ref().and_then(Value::as_str).unwrap_or_default();
                    snippets(&words, unpack(transcript))
                };
                Ok(Hit { key: key(&searcher, address)?, score, snippets })
            })
            .collect::<Result<_, TantivyError>>()?;
        Ok(Found { total, alike, partial, hits })
    }

    /// Entries that share the telling words of a text, best first, each with the share that it
    /// holds of what they tell: 1 is all of it. Of the query only its filters count.
    ///
    /// # Errors
    /// The index is damaged.
    pub fn similar(
        &self,
        text: &str,
        filter: &Query,
        limit: usize,
    ) -> Result<Vec<(String, f32)>, Error> {
        guarded(&self.path, || self.resemble(text, filter, limit))
    }

    fn resemble(
        &self,
        text: &str,
        filter: &Query,
        limit: usize,
    ) -> Result<Vec<(String, f32)>, TantivyError> {
        let searcher = self.reader.searcher();
        let total = searcher.num_docs();
        let terms = telling(text, total, |word| {
            searcher.doc_freq(&Term::from_field_text(self.fields.words, word))
        })?;
        if terms.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let mut clauses = filters(&self.fields, filter);
        clauses.push((tantivy::query::Occur::Must, some_of(self.fields.words, &terms)));
        let top = TopDocs::with_limit(limit.min(MOST)).order_by_score();
        let top = searcher.search(&*all_of(clauses), &top)?;
        top.into_iter()
            .map(|(score, address)| Ok((key(&searcher, address)?, score.min(1.0))))
            .collect()
    }

    fn writer(&self) -> MutexGuard<'_, IndexWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, error: TantivyError) -> Error {
        Error::tantivy(&self.path, error)
    }
}

/// Reads from an index: faced with a damaged file, tantivy may panic.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, TantivyError>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| Error::tantivy(path, error)),
        Err(_) => {
            let reason = "one of its files is damaged".to_owned();
            Err(Error::Unusable { path: path.to_owned(), reason })
        }
    }
}

/// The words of a text that tell it from others, best first, with the share that each has in what
/// they tell together. `count` says how many of `total` entries hold a word.
pub(crate) fn telling<E>(
    text: &str,
    total: u64,
    mut count: impl FnMut(&str) -> Result<u64, E>,
) -> Result<Vec<(String, f32)>, E> {
    let folded: String = text.chars().map(|ch| if ch == TEXT { ' ' } else { fold(ch) }).collect();
    let mut often: HashMap<&str, u32> = HashMap::new();
    for word in words(&folded) {
        if !CHATTER.split_whitespace().any(|chatter| chatter == word) {
            *often.entry(word).or_default() += 1;
        }
    }
    let mut weighed = Vec::with_capacity(often.len());
    for (word, times) in often {
        let holders = count(word)?;
        // What many entries hold tells nothing of one.
        if holders > 20 && holders * 4 > total {
            continue;
        }
        let rare = ((total as f32 + 1.0) / (holders as f32 + 0.5)).ln().max(0.1);
        weighed.push((word.to_owned(), rare * (1.0 + (times as f32).ln())));
    }
    weighed.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal).then(a.0.cmp(&b.0)));
    weighed.truncate(TELLING);
    let sum: f32 = weighed.iter().map(|(_, weight)| weight).sum();
    for (_, weight) in &mut weighed {
        *weight /= sum;
    }
    Ok(weighed)
}

/// How many entries there are, and the part that was asked for.
fn page(
    searcher: &Searcher,
    asked: &dyn Ask,
    ranked: bool,
    query: &Query,
) -> Result<(usize, Vec<(f32, DocAddress)>), TantivyError> {
    // Beyond the last entry nothing is to be kept room for.
    let offset = query.offset.min(searcher.num_docs() as usize);
    let limit = query.limit.min(MOST);
    if limit == 0 {
        return Ok((searcher.search(asked, &Count)?, Vec::new()));
    }
    let top = TopDocs::with_limit(limit).and_offset(offset);
    if ranked {
        let (top, total) = searcher.search(asked, &(top.order_by_score(), Count))?;
        return Ok((total, top));
    }
    let newest = top.order_by_fast_field::<i64>(STARTED_AT, tantivy::Order::Desc);
    let (top, total) = searcher.search(asked, &(newest, Count))?;
    Ok((total, top.into_iter().map(|(_, address)| (0.0, address)).collect()))
}

fn key(searcher: &Searcher, address: DocAddress) -> Result<String, TantivyError> {
    let mut key = String::new();
    let segment = searcher.segment_reader(address.segment_ord);
    if let Some(keys) = segment.fast_fields().str(KEY)?
        && let Some(number) = keys.ords().first(address.doc_id)
    {
        keys.ord_to_str(number, &mut key)?;
    }
    Ok(key)
}

/// Refuses a folder with files that no index made: they would be cleared.
fn only_ours(dir: &Path) -> Result<(), Error> {
    for file in names(dir)? {
        if !ours(&file) {
            return Err(Error::Foreign { path: dir.to_owned(), name: file });
        }
    }
    Ok(())
}

fn ours(name: &str) -> bool {
    let known = [FORMAT_FILE, OWNER_FILE, LOCK_FILE, "meta.json", ".managed.json"];
    // tantivy's segments are called by 32 hexadecimal digits.
    let segment = name.split_once('.').is_some_and(|(stem, _)| {
        stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    known.contains(&name) || segment || name.starts_with(".tmp") || name.starts_with(".tantivy-")
}

fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let io = |error| Error::io(dir, error);
    let mut names = Vec::new();
    for file in std::fs::read_dir(dir).map_err(io)? {
        names.push(file.map_err(io)?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Locks the folder for this process.
fn own(dir: &Path, directory: &MmapDirectory) -> Result<DirectoryLock, Error> {
    use tantivy::Directory;

    let lock = Lock { filepath: LOCK_FILE.into(), is_blocking: false };
    let owner = dir.join(OWNER_FILE);
    let lock = directory.acquire_lock(&lock).map_err(|error| match error {
        LockError::LockBusy => {
            let pid = std::fs::read_to_string(&owner).ok().filter(|pid| !pid.is_empty());
            let pid = pid.unwrap_or_else(|| "?".to_owned());
            Error::Owned { path: dir.to_owned(), pid }
        }
        LockError::IoError(_) => Error::tantivy(dir, TantivyError::LockFailure(error, None)),
    })?;
    std::fs::write(owner, std::process::id().to_string()).map_err(|error| Error::io(dir, error))?;
    Ok(lock)
}

/// The index that is there; none where it cannot be used.
fn reopen(
    dir: &Path,
    directory: &MmapDirectory,
    fields: &Fields,
) -> Result<Option<tantivy::Index>, Error> {
    let open = || match tantivy::Index::open(directory.clone()) {
        Ok(mut index) if index.schema() == fields.schema => {
            index.set_tokenizers(Fields::tokenizers());
            // A file that is missing or short shows here.
            let manual = index.reader_builder().reload_policy(ReloadPolicy::Manual);
            let _: IndexReader = manual.try_into()?;
            Ok(Some(index))
        }
        Ok(_) => Ok(None),
        Err(error) => Err(error),
    };
    match guarded(dir, open) {
        // What the system refuses now may go well later: only damage is cleared.
        Err(Error::Unusable { .. }) => Ok(None),
        opened => opened,
    }
}

/// Clears the folder of what an index left, and makes a new one.
fn create(dir: &Path, fields: &Fields) -> Result<tantivy::Index, Error> {
    let io = |error| Error::io(dir, error);
    // The format goes first and comes last: a folder without it is cleared again.
    for name in [FORMAT_FILE.to_owned()].into_iter().chain(names(dir)?) {
        if ours(&name) && name != LOCK_FILE && name != OWNER_FILE {
            match std::fs::remove_file(dir.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(io(error));
                }
                _ => {}
            }
        }
    }
    let tantivy = |error| Error::tantivy(dir, error);
    let settings = IndexSettings {
        docstore_compression: Compressor::Zstd(ZstdCompressor::default()),
        docstore_blocksize: BLOCK,
        ..IndexSettings::default()
    };
    let directory = MmapDirectory::open(dir).map_err(|error| tantivy(error.into()))?;
    let index = tantivy::Index::builder()
        .schema(fields.schema.clone())
        .settings(settings)
        .tokenizers(Fields::tokenizers())
        .open_or_create(directory)
        .map_err(tantivy)?;
    std::fs::write(dir.join(FORMAT_FILE), FORMAT).map_err(io)?;
    Ok(index)
}
