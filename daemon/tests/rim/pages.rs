use hyper::body::Bytes;
use hyper::{Method, StatusCode};

use crate::client::Daemon;

#[tokio::test]
async fn every_page_path_is_the_page_and_the_api_is_not() {
    let daemon = Daemon::start().await;
    let client = daemon.client();
    for path in [
        "/",
        "/thiet-bi",
        "/thiet-bi/r1.core",
        "/hop/12/dieu-hanh",
        "/p/abcdefgh",
        "/index.html",
    ] {
        let page = client.get(path).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (StatusCode::OK, "text/html; charset=utf-8"),
            "{path}"
        );
        assert_eq!(page.header("cache-control"), "no-store");
    }
    for path in [
        "/api",
        "/api/v1/nothing",
        "/api/v2/session",
        "/assets/none.js",
        "/assets/../index.html",
    ] {
        let missing = client.get(path).await;
        assert_eq!(
            (missing.status, missing.code().as_str()),
            (StatusCode::NOT_FOUND, "not_found"),
            "{path}"
        );
    }
    let method = client.call(Method::PUT, "/api/v1/session", None).await;
    assert_eq!(
        (method.status, method.code().as_str()),
        (StatusCode::METHOD_NOT_ALLOWED, "bad_request")
    );
    assert_eq!(client.get("/healthz").await.text(), "ok");
}

#[tokio::test]
async fn no_path_leads_out_of_the_assets() {
    let daemon = Daemon::start().await;
    let client = daemon.client();
    for path in [
        "/../Cargo.toml",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%5c..%5cetc%5cpasswd",
        "//etc/passwd",
        "/assets/%00",
    ] {
        let answer = client.get(path).await;
        let page = answer.header("content-type").starts_with("text/html");
        assert!(
            page || answer.status == StatusCode::NOT_FOUND,
            "{path}: {}",
            answer.status
        );
        assert!(
            !answer.text().contains("root:") && !answer.text().contains("[package]"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let daemon = Daemon::start().await;
    let client = daemon.client();
    for path in [
        "/",
        "/api/v1/session",
        "/api/v1/nothing",
        "/api/v1/sites",
        "/assets/none.js",
    ] {
        let answer = client.get(path).await;
        let csp = answer.header("content-security-policy");
        assert!(
            csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"),
            "{path}: {csp}"
        );
        assert!(!csp.contains("unsafe"), "{path}: {csp}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(
            answer
                .header("permissions-policy")
                .contains("camera=(self), microphone=(self)")
        );
        assert!(!answer.header("x-request-id").is_empty());
        assert_eq!(
            answer.header("strict-transport-security"),
            "",
            "only with a configured certificate over HTTPS"
        );
        assert!(!answer.header("cache-control").is_empty());
    }
}

#[tokio::test]
async fn the_page_is_sent_packed_and_known_pages_are_not_sent_again() {
    let daemon = Daemon::start().await;
    let client = daemon.client();
    let plain = client.get("/").await;
    assert_eq!(plain.header("content-encoding"), "");
    let refused = client
        .raw(
            Method::GET,
            "/",
            &[("accept-encoding", "gzip;q=0")],
            Bytes::new(),
        )
        .await;
    assert_eq!(refused.body, plain.body);
    let tag = plain.header("etag");
    let known = client
        .raw(Method::GET, "/", &[("if-none-match", tag)], Bytes::new())
        .await;
    assert_eq!(
        (known.status, known.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    let packed = client
        .raw(
            Method::GET,
            "/",
            &[("accept-encoding", "br, gzip")],
            Bytes::new(),
        )
        .await;
    if packed.header("content-encoding") == "gzip" {
        let mut text = String::new();
        std::io::Read::read_to_string(
            &mut flate2::read::GzDecoder::new(&packed.body[..]),
            &mut text,
        )
        .expect("gzip");
        assert_eq!(text.as_bytes(), &plain.body[..]);
        assert_ne!(packed.header("etag"), tag);
    }
}
