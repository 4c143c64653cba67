//! Which addresses are somewhere on the Internet, and which are this machine, its neighbours, or nowhere at all.
//!
//! IPv4 is open but for what the registry of special purposes (RFC 6890) takes out; IPv6 is closed but for global unicast. So
//! whatever carries an IPv4 address inside (mapped, compatible, NAT64) is refused without being looked into, as are the two
//! ways of tunnelling that lie within global unicast (6to4, Teredo): who knows where they come out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 network: its address and how many bits of it count.
type Net4 = ([u8; 4], u32);
/// An IPv6 network: its first 48 bits and how many of them count.
type Net6 = ([u16; 3], u32);

/// What is not global of IPv4.
const SPECIAL_V4: [Net4; 18] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // shared behind a provider's NAT
    ([127, 0, 0, 0], 8),     // this machine
    ([169, 254, 0, 0], 16),  // link-local; clouds keep their secrets there
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 31, 196, 0], 24), // AS112: answers that nobody is to ask for
    ([192, 52, 193, 0], 24), // multicast tunnels
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([192, 175, 48, 0], 24), // AS112
    ([198, 18, 0, 0], 15),   // benchmarking
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, and broadcast
];

/// What is global of IPv6.
const UNICAST_V6: Net6 = ([0x2000, 0, 0], 3);

/// What is not, within that.
const SPECIAL_V6: [Net6; 5] = [
    ([0x2001, 0, 0], 23), // protocol assignments: Teredo, benchmarking, ORCHID and others
    ([0x2001, 0x0db8, 0], 32), // documentation
    ([0x2002, 0, 0], 16), // 6to4
    ([0x2620, 0x004f, 0x8000], 48), // AS112
    ([0x3fff, 0, 0], 20), // documentation
];

/// Whether it is somewhere on the Internet.
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|net| holds_v4(net, address)),
        IpAddr::V6(address) => {
            holds_v6(&UNICAST_V6, address) && !SPECIAL_V6.iter().any(|net| holds_v6(net, address))
        }
    }
}

fn holds_v4((net, bits): &Net4, address: Ipv4Addr) -> bool {
    let differ = u32::from_be_bytes(*net) ^ u32::from(address);
    differ.leading_zeros() >= *bits
}

fn holds_v6(([first, second, third], bits): &Net6, address: Ipv6Addr) -> bool {
    let net = Ipv6Addr::new(*first, *second, *third, 0, 0, 0, 0, 0);
    (u128::from(net) ^ u128::from(address)).leading_zeros() >= *bits
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOBAL: [&str; 25] = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2001:200::1",
        "2606:4700:4700::1111",
        "2a00:1450:4001:81b::200e",
        "3ffe:ffff::1",
    ];

    const NOT_GLOBAL: [&str; 66] = [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.0",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.0.170",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "192.175.48.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::1",
        "64:ff9b:1:ffff::10.0.0.1",
        "100::1",
        "100:0:0:1::1",
        "1fff:ffff::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:1::1",
        "2001:2::1",
        "2001:3::1",
        "2001:4:112::1",
        "2001:10::1",
        "2001:20::1",
        "2001:1ff:ffff::1",
        "2001:db8::1",
        "2002::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "2620:4f:8000::1",
        "3fff::1",
        "3fff:fff:ffff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "fec0::1",
    ];

    #[test]
    fn every_address_is_judged_right() {
        for text in GLOBAL {
            assert!(is_global(text.parse().unwrap()), "{text} is on the Internet");
        }
        for text in NOT_GLOBAL.into_iter().chain(["febf::1", "feff::1", "ff02::1", "ff0e::1"]) {
            assert!(!is_global(text.parse().unwrap()), "{text} is not");
        }
    }

    #[test]
    fn both_ends_of_every_special_network_belong_to_it() {
        for (net, bits) in SPECIAL_V4 {
            let first = u32::from_be_bytes(net);
            let last = first | u32::MAX.checked_shr(bits).unwrap_or(0);
            assert!(first.trailing_zeros() >= 32 - bits, "{net:?}/{bits} begins elsewhere");
            for end in [first, last] {
                assert!(!is_global(Ipv4Addr::from(end).into()), "{net:?}/{bits}");
            }
        }
        for ([a, b, c], bits) in SPECIAL_V6 {
            let first = u128::from(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0));
            let last = first | u128::MAX.checked_shr(bits).unwrap_or(0);
            for end in [first, last] {
                assert!(!is_global(Ipv6Addr::from(end).into()), "{a:x}:{b:x}:{c:x}/{bits}");
            }
        }
    }
}
