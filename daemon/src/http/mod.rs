//! HTTP: handlers, pages, TLS and the views of the API. Knows `app`, never the store.

pub mod views;
