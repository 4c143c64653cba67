//! People: they get, post, and send JSON, as their browser or program would.

use super::TestApp;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, redirect};

/// Someone with a browser, or a program, of their own.
pub struct Person<'a> {
    app: &'a TestApp,
    client: Client,
    host: String,
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
}

impl<'a> Person<'a> {
    /// A browser that has never been here.
    pub fn new(app: &'a TestApp) -> Self {
        let client = Client::builder().cookie_store(true).redirect(redirect::Policy::none());
        let client = client.no_proxy().build().unwrap();
        Self { app, client, host: app.origin.clone() }
    }

    /// The same, under the name of another instance.
    pub fn as_host(mut self, origin: &str) -> Self {
        origin.clone_into(&mut self.host);
        self
    }

    /// The same browser, sent to another instance.
    pub fn at<'b>(&self, app: &'b TestApp) -> Person<'b> {
        Person { app, client: self.client.clone(), host: self.host.clone() }
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
        self.client.request(method, format!("{}{path}", self.app.origin)).header("host", host)
    }

    /// Sends it.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let location =
            headers.get("location").map_or("", |value| value.to_str().unwrap()).to_owned();
        Answer { status, location, headers, body: response.text().await.unwrap() }
    }
}
