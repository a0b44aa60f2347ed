//! Mistakes of a profile with the place where they stand.

use super::ProfileError;
use super::file::File;

/// A read file with its name and text, for places of mistakes.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) file: File,
}

/// Collects mistakes of one source.
pub(super) struct Complaints<'a> {
    source: &'a Source,
    pub(super) errors: Vec<ProfileError>,
}

impl<'a> Complaints<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            errors: Vec::new(),
        }
    }

    /// Notes a mistake at the first place of `word` behind the first place of `context`.
    ///
    /// The YAML library gives no places once a file is read; searching the text finds the line in all but contrived files.
    pub(super) fn at(&mut self, context: &str, word: &str, message: String) {
        let (line, column) = locate(&self.source.text, context, word);
        self.errors.push(ProfileError {
            file: self.source.name.clone(),
            line,
            column,
            message,
        });
    }
}

pub(super) fn locate(text: &str, context: &str, word: &str) -> (usize, usize) {
    let start = text.find(context).unwrap_or(0);
    let place = find_word(&text[start..], word).map_or(start, |n| start + n);
    let line_start = text[..place].rfind('\n').map_or(0, |n| n + 1);
    (
        text[..place].matches('\n').count() + 1,
        text[line_start..place].chars().count() + 1,
    )
}

/// Where `word` stands by itself, not inside a longer one.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    text.match_indices(word)
        .find(|(n, found)| {
            !inside(text[..*n].chars().next_back())
                && !inside(text[n + found.len()..].chars().next())
        })
        .map(|(n, _)| n)
}
