//! What there is to compare with: actix-web and nothing else, and actix-web with one query.
//!
//! The bare page has the same body as ours and the fewest headers a page can have: a type, a length and a date. Ours has
//! a dozen more, which is part of what is measured.

use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use anyhow::{Context, Result};
use bytes::Bytes;
use sqlx::postgres::{PgPool, PgPoolOptions};
use std::io::Read;
use std::net::TcpListener;

/// What the bare server knows.
struct Bare {
    page: Bytes,
    database: PgPool,
    /// The session that is looked up.
    session: Vec<u8>,
}

/// Serves what came on stdin at `/`, and at `/session` after one look-up of a session by its key in the database at
/// `url`. Prints where.
///
/// # Errors
/// Where no port is free, or the database is away.
pub fn serve(url: &str) -> Result<()> {
    let mut page = Vec::new();
    std::io::stdin().read_to_end(&mut page).context("could not read the page from stdin")?;
    let listener = TcpListener::bind("127.0.0.1:0").context("could not listen")?;
    actix_web::rt::System::new().block_on(async {
        let database =
            PgPoolOptions::new().max_connections(8).test_before_acquire(false).connect_lazy(url)?;
        let session = sqlx::query_scalar("select token_hash from sessions limit 1");
        let session = session.fetch_optional(&database).await?.unwrap_or_default();
        let bare = Data::new(Bare { page: page.into(), database, session });
        println!("http://{}", listener.local_addr()?);
        HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&bare))
                .route("/", web::get().to(answer))
                .route("/session", web::get().to(answer_knowing_who))
        })
        .workers(std::thread::available_parallelism().map_or(2, usize::from))
        .listen(listener)?
        .run()
        .await
        .context("the bare server failed")
    })
}

async fn answer(bare: Data<Bare>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(bare.page.clone())
}

async fn answer_knowing_who(bare: Data<Bare>) -> HttpResponse {
    let who = sqlx::query_scalar::<_, String>(
        "select accounts.name from sessions join accounts on accounts.id = account_id left join staff on staff.id = account_id
          where token_hash = $1 and expires_at > now() and active",
    );
    match who.bind(&bare.session).fetch_one(&bare.database).await {
        Ok(_) => answer(bare).await,
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
