//! What tantivy keeps of an entry.

use std::fmt::Write;

use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, SchemaBuilder,
    TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager};

use crate::letters::{LINE, Reading, TEXT};
use crate::{Entry, Line};

/// The fields of an index.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub(crate) schema: Schema,
    pub(crate) key: Field,
    pub(crate) version: Field,
    pub(crate) call: Field,
    pub(crate) ticket: Field,
    pub(crate) started_at: Field,
    pub(crate) department: Field,
    pub(crate) category: Field,
    pub(crate) request_type: Field,
    pub(crate) status: Field,
    pub(crate) caller_key: Field,
    pub(crate) place: Field,
    pub(crate) confidence: Field,
    pub(crate) outcome: Field,
    /// Everything, character by character.
    pub(crate) letters: Field,
    /// Everything, by pairs of characters.
    pub(crate) pairs: Field,
    /// Everything, by sound.
    pub(crate) sounds: Field,
    /// Everything, word by word.
    pub(crate) words: Field,
    /// Everything but the transcript, by pairs of characters: a title says more than chatter.
    pub(crate) head: Field,
    /// The transcript, kept for its snippets.
    pub(crate) transcript: Field,
}

/// Name of the fast field with the keys.
pub(crate) const KEY: &str = "key";
/// Name of the fast field with the versions.
pub(crate) const VERSION: &str = "version";
/// Name of the fast field with the times.
pub(crate) const STARTED_AT: &str = "started_at";

const READINGS: [(&str, Reading); 4] = [
    ("letters", Reading::Letters),
    ("pairs", Reading::Pairs),
    ("sounds", Reading::Sounds),
    ("words", Reading::Words),
];

impl Fields {
    pub(crate) fn new() -> Fields {
        let mut schema = Schema::builder();
        let read = |schema: &mut SchemaBuilder, name: &str, tokenizer: &str, record, norms| {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(tokenizer)
                .set_index_option(record)
                .set_fieldnorms(norms);
            schema.add_text_field(name, TextOptions::default().set_indexing_options(indexing))
        };
        let positions = IndexRecordOption::WithFreqsAndPositions;
        let fields = Fields {
            key: schema.add_text_field(KEY, STRING | FAST),
            version: schema.add_u64_field(VERSION, FAST),
            call: schema.add_text_field("call", STRING),
            ticket: schema.add_bool_field("ticket", INDEXED),
            started_at: schema.add_i64_field(STARTED_AT, FAST),
            department: schema.add_text_field("department", STRING),
            category: schema.add_text_field("category", STRING),
            request_type: schema.add_text_field("request_type", STRING),
            status: schema.add_text_field("status", STRING),
            caller_key: schema.add_text_field("caller_key", STRING),
            place: schema.add_text_field("place", STRING),
            confidence: schema.add_f64_field("confidence", FAST),
            outcome: schema.add_text_field("outcome", STRING),
            letters: read(&mut schema, "letters", "letters", IndexRecordOption::Basic, false),
            pairs: read(&mut schema, "pairs", "pairs", positions, false),
            sounds: read(&mut schema, "sounds", "sounds", IndexRecordOption::Basic, false),
            words: read(&mut schema, "words", "words", IndexRecordOption::WithFreqs, true),
            head: read(&mut schema, "head", "pairs", positions, false),
            transcript: schema.add_text_field("transcript", STORED),
            schema: Schema::builder().build(),
        };
        Fields { schema: schema.build(), ..fields }
    }

    /// Every reading under the name that the schema knows it by.
    pub(crate) fn tokenizers() -> TokenizerManager {
        let tokenizers = TokenizerManager::default();
        for (name, reading) in READINGS {
            tokenizers.register(name, TextAnalyzer::from(reading));
        }
        tokenizers
    }

    pub(crate) fn document(&self, entry: &Entry) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_text(self.key, &entry.key);
        document.add_u64(self.version, entry.version);
        document.add_bool(self.ticket, entry.ticket);
        document.add_i64(self.started_at, entry.started_at);
        document.add_f64(self.confidence, entry.confidence);
        let one = [
            (self.call, &entry.call),
            (self.category, &entry.category),
            (self.request_type, &entry.request_type),
            (self.status, &entry.status),
            (self.caller_key, &entry.caller_key),
            (self.outcome, &entry.outcome),
        ];
        let departments = entry.department.iter().map(|name| (self.department, name));
        let places = entry.place.iter().map(|name| (self.place, name));
        for (field, value) in one.into_iter().chain(departments).chain(places) {
            if !value.is_empty() {
                document.add_text(field, value);
            }
        }
        let mut all = String::new();
        for text in &entry.texts {
            all.push_str(&one_line(text));
            all.push(TEXT);
        }
        document.add_text(self.head, &all);
        for line in &entry.transcript {
            all.push_str(&one_line(&line.text));
            all.push(LINE);
        }
        for field in [self.letters, self.pairs, self.sounds, self.words] {
            document.add_text(field, &all);
        }
        if !entry.transcript.is_empty() {
            document.add_text(self.transcript, pack(&entry.transcript));
        }
        document
    }
}

/// A text without the signs that end lines and texts, as long as before.
fn one_line(text: &str) -> String {
    text.replace([LINE, TEXT], " ")
}

fn pack(transcript: &[Line]) -> String {
    let mut packed = String::new();
    for line in transcript {
        // Writing to a string does not fail.
        let _ = write!(packed, "{}\t{}{LINE}", line.start_ms, one_line(&line.text));
    }
    packed
}

/// The lines of a stored transcript, each with its beginning in milliseconds.
pub(crate) fn unpack(packed: &str) -> impl Iterator<Item = (u64, &str)> {
    packed.split_terminator(LINE).filter_map(|line| {
        let (start, text) = line.split_once('\t')?;
        Some((start.parse().ok()?, text))
    })
}
