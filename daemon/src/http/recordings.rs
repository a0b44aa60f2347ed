//! Recordings: the list, and files in ranges, so that a player can seek.

use std::io::SeekFrom;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use nix::fcntl::OFlag;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::body::id;
use super::views::Recording;
use super::{Problem, StrictQuery};
use crate::app::App;

/// Bytes read from the disk at a time.
const CHUNK: usize = 64 * 1024;

/// Query of GET `/recordings`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    conference: Option<i64>,
}

/// GET `/recordings`
pub(super) async fn list(
    State(app): State<App>,
    StrictQuery(which): StrictQuery<Which>,
) -> Result<Json<Vec<Recording>>, Problem> {
    Ok(Json(app.recordings().list(which.conference).await?))
}

/// GET `/recordings/{id}/file`
pub(super) async fn file(
    State(app): State<App>,
    Path(recording): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = app.recordings().file(id(&recording)?).await?;
    let gone = |_| Problem::new("not_found", "the file of this recording is gone");
    // A link in the recording directory would lead out of it.
    let open = tokio::fs::OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(&found.path)
        .await;
    let mut file = open.map_err(gone)?;
    let length = file.metadata().await.map_err(gone)?.len();
    let wanted = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let (status, first, last) = match wanted.map_or(Wanted::All, |range| wanted_of(range, length)) {
        Wanted::All => (StatusCode::OK, 0, length.saturating_sub(1)),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last),
        Wanted::Nothing => {
            let problem = Problem::new("bad_request", "the range lies outside the file");
            let range = [(CONTENT_RANGE, format!("bytes */{length}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range, problem).into_response());
        }
    };
    let bytes = if length == 0 { 0 } else { last - first + 1 };
    file.seek(SeekFrom::Start(first)).await.map_err(gone)?;
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(bytes), CHUNK));
    let head = [
        (CONTENT_TYPE, "video/x-matroska".to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (CONTENT_LENGTH, bytes.to_string()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", found.name),
        ),
    ];
    let mut response = (status, head, body).into_response();
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = format!("bytes {first}-{last}/{length}").try_into()
    {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    Ok(response)
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part { first: u64, last: u64 },
    Nothing,
}

/// One range (RFC 9110 section 14.2). Several ranges, other units and nonsense are answered with the whole file, as the standard allows.
fn wanted_of(range: &str, length: u64) -> Wanted {
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Wanted::All;
    };
    let (first, last) = match (first.trim(), last.trim()) {
        ("", suffix) => match suffix.parse::<u64>() {
            Ok(0) => return Wanted::Nothing,
            Ok(suffix) => (length.saturating_sub(suffix), length.saturating_sub(1)),
            Err(_) => return Wanted::All,
        },
        (first, "") => match first.parse() {
            Ok(first) => (first, length.saturating_sub(1)),
            Err(_) => return Wanted::All,
        },
        (first, last) => match (first.parse(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => (first, last.min(length.saturating_sub(1))),
            _ => return Wanted::All,
        },
    };
    if first >= length {
        Wanted::Nothing
    } else {
        Wanted::Part { first, last }
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted::{All, Nothing, Part};
    use super::wanted_of;

    #[test]
    fn ranges_of_the_standard_and_nonsense() {
        let cases = [
            ("bytes=0-99", Part { first: 0, last: 99 }),
            (
                "bytes=900-",
                Part {
                    first: 900,
                    last: 999,
                },
            ),
            (
                "bytes=-100",
                Part {
                    first: 900,
                    last: 999,
                },
            ),
            (
                "bytes=-5000",
                Part {
                    first: 0,
                    last: 999,
                },
            ),
            (
                "bytes=990-5000",
                Part {
                    first: 990,
                    last: 999,
                },
            ),
            ("bytes=1000-", Nothing),
            ("bytes=-0", Nothing),
            ("bytes=5-4", All),
            ("bytes=0-1,5-6", All),
            ("pages=1-2", All),
            ("bytes=a-b", All),
            ("bytes=18446744073709551616-", All),
        ];
        for (range, wanted) in cases {
            assert_eq!(wanted_of(range, 1000), wanted, "{range}");
        }
        assert_eq!(wanted_of("bytes=0-", 0), Nothing);
    }
}
