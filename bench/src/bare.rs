//! What there is to compare with: actix-web and nothing else, with one query, and with one insert.
//!
//! The bare page has the same body as ours and the fewest headers a page can have: a type, a length and a date. Ours has
//! a dozen more, which is part of what is measured.

use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use anyhow::{Context, Result};
use bytes::Bytes;
use serde::Deserialize;
use sqlx::postgres::{PgPool, PgPoolOptions};
use std::io::Read;
use std::net::TcpListener;
use uuid::Uuid;

/// What the bare server knows.
struct Bare {
    page: Bytes,
    database: PgPool,
    /// The session that is looked up.
    session: Vec<u8>,
}

/// A lead as it is sent.
#[derive(Deserialize)]
struct Lead {
    name: String,
    email: String,
    company: Option<String>,
    phone: Option<String>,
    message: String,
}

/// As much of an event as its row needs.
#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Serves what came on stdin at `/`, and at `/session` after one look-up of a session by its key in the database at
/// `url`. Inserts what is sent to `/leads` in JSON, to `/contact` as a form, or to `/events` by a webhook. Prints where.
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
                .route("/leads", web::post().to(insert_json))
                .route("/contact", web::post().to(insert_form))
                .route("/events", web::post().to(insert_event))
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

async fn insert_json(bare: Data<Bare>, lead: web::Json<Lead>) -> HttpResponse {
    match insert(&bare.database, lead.into_inner()).await {
        Ok(id) => HttpResponse::Created().json(id),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

async fn insert_form(bare: Data<Bare>, lead: web::Form<Lead>) -> HttpResponse {
    match insert(&bare.database, lead.into_inner()).await {
        Ok(_) => HttpResponse::SeeOther().insert_header(("location", "/thanks")).finish(),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// The same columns as ours, so that the same indexes are kept.
async fn insert(database: &PgPool, lead: Lead) -> sqlx::Result<Uuid> {
    let insert = sqlx::query_scalar(
        "insert into leads (id, name, email, company, phone, message, status, source, fingerprint)
         values ($1, $2, $3, $4, $5, $6, 'new', 'website-form', sha256(convert_to($2, 'utf8'))) returning id",
    );
    let Lead { name, email, company, phone, message } = lead;
    let insert = insert.bind(Uuid::now_v7()).bind(name).bind(email).bind(company).bind(phone);
    insert.bind(message).fetch_one(database).await
}

async fn insert_event(bare: Data<Bare>, body: Bytes) -> HttpResponse {
    let Ok(event) = serde_json::from_slice::<Event>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    let insert = sqlx::query(
        "insert into inbox (id, source, event_id, type, payload, state) values ($1, 'bare', $2, $3, $4, 'waiting')",
    );
    let insert = insert.bind(Uuid::now_v7()).bind(event.id).bind(event.kind).bind(&body[..]);
    match insert.execute(&bare.database).await {
        Ok(_) => HttpResponse::Ok().finish(),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
