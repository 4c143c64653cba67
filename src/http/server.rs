//! The listening server: one per process, in front of one [`App`].

use super::client::network;
use super::errors;
use super::front::front;
use super::lobby::LobbyFactory;
use crate::app::App;
use crate::routes::{self, Routes};
use actix_service::IntoServiceFactory;
use actix_web::dev::Server;
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Data};
use actix_web::{HttpServer, middleware};
use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Nobody may take longer to send the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long requests under way may go on after the server was told to stop.
pub const STOP_WITHIN: Duration = Duration::from_secs(12);
/// How many connections one network may hold; many people may share one.
const MOST_FROM_ONE: usize = 256;

/// A server for `app` on `listener`, with `workers` threads. It runs once it is awaited.
///
/// # Errors
/// Where the listener cannot be used.
pub fn build(app: Data<App>, listener: TcpListener, workers: usize) -> std::io::Result<Server> {
    let connections = Connections::default();
    let server = HttpServer::new(move || {
        let rooms = actix_web::App::new()
            .app_data(Data::clone(&app))
            .configure(|config| routes::all(&mut Routes::new(config)))
            .default_service(web::to(errors::nowhere))
            .wrap(middleware::from_fn(front));
        LobbyFactory { app: Data::clone(&app), rooms: rooms.into_factory() }
    })
    .workers(workers)
    .client_request_timeout(HEAD_WITHIN)
    .shutdown_timeout(STOP_WITHIN.as_secs())
    .disable_signals()
    .on_connect(move |stream: &dyn Any, data| {
        if let Some(peer) =
            stream.downcast_ref::<TcpStream>().and_then(|stream| stream.peer_addr().ok())
        {
            data.insert(connections.open(network(peer.ip().to_canonical())));
        }
    })
    .listen(listener)?;
    Ok(server.run())
}

/// How many connections each network holds.
#[derive(Clone, Default)]
struct Connections(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection, while it is open.
pub struct Connection {
    all: Connections,
    /// The network it comes from.
    pub from: IpAddr,
    number: usize,
}

impl Connections {
    fn open(&self, from: IpAddr) -> Connection {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = open.entry(from).or_default();
        *number += 1;
        Connection { all: self.clone(), from, number: *number }
    }
}

impl Connection {
    /// Whether its network holds more than one caller needs. Loopback is a proxy, or ourselves.
    pub fn is_one_too_many(&self) -> bool {
        self.number > MOST_FROM_ONE && !self.from.is_loopback()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut open = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = open.get_mut(&self.from) {
            *number -= 1;
            if *number == 0 {
                open.remove(&self.from);
            }
        }
    }
}
