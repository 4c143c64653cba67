//! What there is to compare with: actix-web and nothing else.

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use bytes::Bytes;
use std::io::Read;
use std::net::TcpListener;

/// Serves what came on stdin at `/`, and prints where.
///
/// # Errors
/// Where no port is free.
pub fn serve() -> Result<()> {
    let mut page = Vec::new();
    std::io::stdin().read_to_end(&mut page).context("could not read the page from stdin")?;
    let page = Bytes::from(page);
    let listener = TcpListener::bind("127.0.0.1:0").context("could not listen")?;
    println!("http://{}", listener.local_addr()?);
    let answer = move || {
        let page = page.clone();
        async move { HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page) }
    };
    let server = HttpServer::new(move || App::new().route("/", web::get().to(answer.clone())))
        .workers(std::thread::available_parallelism().map_or(2, usize::from))
        .listen(listener)?
        .run();
    actix_web::rt::System::new().block_on(server).context("the bare server failed")
}
