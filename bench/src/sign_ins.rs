//! People who try to sign in, each from an address of their own.

use crate::readers::caller;
use crate::world::World;
use anyhow::{Result, ensure};
use sqlx::{Connection, PgConnection};

/// Makes so many accounts, all with the owner's password: `m00000@known.example` the first.
///
/// # Errors
/// Where the database is away.
pub fn accounts(world: &World, count: usize) -> Result<()> {
    let count = i32::try_from(count)?;
    actix_web::rt::System::new().block_on(async {
        let mut database = PgConnection::connect(&world.database).await?;
        let made = sqlx::query(
            "insert into accounts (id, email, name, password_hash)
             select gen_random_uuid(), 'm' || lpad((n - 1)::text, 5, '0') || '@known.example', 'Member',
                    (select password_hash from accounts where password_hash is not null limit 1)
               from generate_series(1, $1) n on conflict do nothing",
        );
        let made = made.bind(count).execute(&mut database).await?;
        ensure!(made.rows_affected() > 0, "the accounts are there already");
        sqlx::raw_sql("analyze accounts").execute(&mut database).await?;
        database.close().await?;
        Ok(())
    })
}

/// The address of an account that there is, or of one that there is not, of the same length.
pub fn email(number: usize, is_known: bool) -> String {
    format!("m{number:05}@{}.example", if is_known { "known" } else { "wrong" })
}

/// The request that such a form makes. Each caller is another one.
pub fn request(authority: &str, from: usize, email: &str, password: &str) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("email", email).append_pair("password", password).append_pair("next", "");
    form.append_pair("submission", "01890000-0000-7000-8000-000000000001");
    let (form, from) = (form.finish(), caller(from));
    format!(
        "POST /sign-in HTTP/1.1\r\nhost: {authority}\r\norigin: http://{authority}\r\n{from}\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}
