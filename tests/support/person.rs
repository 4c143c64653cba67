//! People: they get, post, and send JSON, as their browser or program would.

use super::TestApp;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, redirect};

/// Someone with a browser, or a program, of their own.
#[derive(Clone)]
pub struct Person<'a> {
    origin: &'a str,
    client: Client,
    host: String,
    address: Option<String>,
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `Location`, or nothing.
    pub location: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The first value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// Asserts that this is one of our pages, with this status.
    pub fn is_page(&self, status: u16) {
        assert_eq!(
            (self.status, self.header("content-type")),
            (status, "text/html; charset=utf-8"),
            "{}",
            self.body
        );
        assert!(self.body.contains("<main"), "{}", self.body);
    }

    /// Asserts that this is a problem document (RFC 9457) of this status, and gives it.
    pub fn is_problem(&self, status: u16) -> serde_json::Value {
        assert_eq!(
            (self.status, self.header("content-type")),
            (status, "application/problem+json"),
            "{}",
            self.body
        );
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem
    }
}

impl<'a> Person<'a> {
    /// A browser that has never been here.
    pub fn new(app: &'a TestApp) -> Self {
        Self::visiting(&app.origin)
    }

    /// The same, for a site that runs at `origin`.
    pub fn visiting(origin: &'a str) -> Self {
        let client = Client::builder().cookie_store(true).redirect(redirect::Policy::none());
        let client = client.no_proxy().build().unwrap();
        Self { origin, client, host: origin.to_owned(), address: None }
    }

    /// The site's own origin, as its pages send it.
    pub fn origin(&self) -> &str {
        &self.host
    }

    /// The same, under the name of another instance.
    pub fn asking_for(mut self, origin: &str) -> Self {
        origin.clone_into(&mut self.host);
        self
    }

    /// The same browser, sent to another instance.
    pub fn at<'b>(&self, app: &'b TestApp) -> Person<'b> {
        self.at_origin(&app.origin)
    }

    /// The same browser, sent to whatever listens at `origin`.
    pub fn at_origin<'b>(&self, origin: &'b str) -> Person<'b> {
        Person { origin, ..self.clone() }
    }

    /// The same browser, at another address, as a proxy says it: for whoever comes more often than one address may.
    /// The site must have `TRUSTED_PROXIES` set to `127.0.0.1`.
    pub fn coming_from(&self, address: &str) -> Person<'a> {
        Person { address: Some(address.to_owned()), ..self.clone() }
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form, as a browser does from our own page.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, path).form(fields);
        self.send(request.header("origin", &self.host).header("sec-fetch-site", "same-origin"))
            .await
    }

    /// Sends JSON, as a program does.
    pub async fn json(&self, path: &str, key: Option<&str>, body: &serde_json::Value) -> Answer {
        let mut request = self.request(Method::POST, path).json(body);
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        self.send(request).await
    }

    /// A request to be completed, without anything a browser would add.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let host = self.host.split_once("://").unwrap().1;
        let request = self.client.request(method, format!("{}{path}", self.origin));
        let request = request.header("host", host);
        match &self.address {
            Some(address) => request.header("x-forwarded-for", address),
            None => request,
        }
    }

    /// Sends it.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    /// Sends it, to a site that may not be there.
    pub async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let location =
            headers.get("location").map_or("", |value| value.to_str().unwrap()).to_owned();
        Ok(Answer { status, location, headers, body: response.text().await? })
    }
}
