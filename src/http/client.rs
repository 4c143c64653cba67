//! Where a request comes from. `X-Forwarded-For` is believed only from the proxies in `TRUSTED_PROXIES`.

use crate::config::Config;
use crate::services::sessions;
use actix_web::HttpRequest;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who calls, for what is run without the head of the request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The device, as a session remembers it.
    pub device: sessions::Device,
    /// What is counted as one caller.
    pub network: IpAddr,
}

impl Caller {
    /// Whoever sends this.
    pub fn of(config: &Config, request: &HttpRequest) -> Self {
        let device = super::session::seen_from(config, request);
        Self { device, network: network(address(config, request)) }
    }
}

/// The caller's address: the peer's, or the last one before it that is not a proxy of ours.
pub fn address(config: &Config, request: &HttpRequest) -> IpAddr {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let trusted = |ip: IpAddr| config.trusted_proxies.iter().any(|network| network.contains(&ip));
    if !trusted(peer) {
        return peer;
    }
    let forwarded =
        request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
    let mut nearest = peer;
    for hop in hops.into_iter().rev() {
        let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
        nearest = ip.to_canonical();
        if !trusted(nearest) {
            break;
        }
    }
    nearest
}

/// What is counted as one caller: an IPv4 address, or the /64 that one IPv6 subscriber has at least.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn seen(peer: &str, forwarded: &str) -> String {
        let values = [("TRUSTED_PROXIES".to_owned(), "10.0.0.0/8".to_owned())].into();
        let config = Config::from_values(&values).unwrap();
        let request = TestRequest::default().peer_addr(peer.parse().unwrap());
        let request = request.insert_header(("x-forwarded-for", forwarded)).to_http_request();
        address(&config, &request).to_string()
    }

    #[test]
    fn only_our_own_proxies_are_believed() {
        assert_eq!(seen("203.0.113.5:1", "198.51.100.1"), "203.0.113.5");
        assert_eq!(seen("10.0.0.1:1", "6.6.6.6, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        assert_eq!(seen("10.0.0.1:1", "nonsense"), "10.0.0.1");
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_caller() {
        let network_of = |text: &str| network(text.parse().unwrap());
        assert_eq!(network_of("2001:db8::1"), network_of("2001:db8::ffff:1"));
        assert_ne!(network_of("2001:db8::1"), network_of("2001:db8:0:1::1"));
    }
}
