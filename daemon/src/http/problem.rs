//! Errors as pages get them: a status and `{"error": {...}}`.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::Refusal;

/// A refusal on its way to a page.
#[derive(Debug)]
pub struct Problem(pub Refusal);

impl Problem {
    /// A problem of a code of the protocol.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self(Refusal::new(code, message))
    }
}

impl<E: Into<Refusal>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The status of each code of the protocol.
fn status_of(code: &str) -> StatusCode {
    match code {
        "not_signed_in" | "wrong_credentials" | "wrong_token" | "token_expired" => {
            StatusCode::UNAUTHORIZED
        }
        "wrong_origin" | "forbidden" | "wrong_setup_token" | "not_chair" | "wrong_direction" => {
            StatusCode::FORBIDDEN
        }
        "not_found" | "no_such_room" | "no_such_participant" => StatusCode::NOT_FOUND,
        "conflict" | "duplicate" | "site_has_children" | "setup_done" | "room_ended"
        | "room_not_open" | "not_joined" | "scan_running" | "not_configured"
        | "device_configured" | "too_many_passes" | "replaced" => StatusCode::CONFLICT,
        "precondition_failed" => StatusCode::PRECONDITION_FAILED,
        "precondition_required" => StatusCode::PRECONDITION_REQUIRED,
        "unsupported_media_type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "nothing_usable" => StatusCode::UNPROCESSABLE_ENTITY,
        "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "too_many_attempts" | "too_fast" => StatusCode::TOO_MANY_REQUESTS,
        "too_many_peers" => StatusCode::SERVICE_UNAVAILABLE,
        "disk_full" => StatusCode::INSUFFICIENT_STORAGE,
        "internal" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Refusal {
            code,
            message,
            field,
            conflicts,
        } = self.0;
        let status = status_of(code);
        let mut error = json!({ "code": code, "message": message });
        if let Some(field) = field {
            error["field"] = field.into();
        }
        let mut envelope = json!({ "error": error });
        if code == "conflict" {
            envelope["conflicts"] = json!(conflicts);
        }
        let mut response = (status, Json(envelope)).into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let seconds = if code == "too_fast" { 10 } else { 900 };
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, 30.into());
        }
        response
    }
}

/// A path of ours, asked in a way that it does not know.
pub(super) async fn method_not_allowed() -> Response {
    let problem = Problem::new("bad_request", "this path does not take that method");
    (StatusCode::METHOD_NOT_ALLOWED, problem).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_come_back_is_told_when() {
        for (code, status, seconds) in [
            ("too_many_attempts", 429, Some("900")),
            ("too_fast", 429, Some("10")),
            ("too_many_peers", 503, Some("30")),
            ("replaced", 409, None),
            ("nothing_usable", 422, None),
        ] {
            let response = Problem::new(code, "").into_response();
            let said = response.headers().get(RETRY_AFTER);
            assert_eq!(response.status().as_u16(), status, "{code}");
            assert_eq!(
                said.and_then(|value| value.to_str().ok()),
                seconds,
                "{code}"
            );
        }
    }
}
