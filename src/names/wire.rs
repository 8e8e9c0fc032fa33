//! Questions and answers as messages (RFC 1035; RFC 6891 for their size).

use simple_dns::rdata::{A, OPT, RData, SOA, SRV};
use simple_dns::{CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, TYPE};

use crate::ecs::discovery::zone::{Answer, Data, Kind, PRIORITY, Record, WEIGHT};
use crate::model::discovery::RecordKind;

/// The longest question or answer in a datagram.
pub(super) const LONGEST: usize = 4096;
/// The longest answer in a datagram to a client that announces no other size.
const DATAGRAM: u16 = 512;
/// Seconds for which it may be remembered that a name does not exist. Cloud Map's namespaces begin with this TTL of their
/// SOA record, as far as is known; it is not published.
const NEGATIVE_TTL: u32 = 15;

/// A question about one name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// In lower case, without a dot at its end.
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// Reads a question. `None` if the message is none, or not of a kind that namespaces answer.
pub(super) fn question(message: &[u8]) -> Option<Question> {
    let packet = Packet::parse(message).ok()?;
    let [question] = packet.questions.as_slice() else { return None };
    let is_internet = matches!(question.qclass, QCLASS::CLASS(CLASS::IN) | QCLASS::ANY);
    if packet.has_flags(PacketFlag::RESPONSE) || packet.opcode() != OPCODE::StandardQuery || !is_internet {
        return None;
    }
    let kind = match question.qtype {
        QTYPE::TYPE(TYPE::A) => Kind::Record(RecordKind::A),
        QTYPE::TYPE(TYPE::AAAA) => Kind::Record(RecordKind::Aaaa),
        QTYPE::TYPE(TYPE::SRV) => Kind::Record(RecordKind::Srv),
        _ => Kind::Other,
    };
    Some(Question { name: question.qname.to_string().to_ascii_lowercase(), kind })
}

/// The message that answers a question.
pub(super) fn reply(question: &[u8], answer: &Answer, in_a_datagram: bool) -> Option<Vec<u8>> {
    let asked = Packet::parse(question).ok()?;
    let mut reply = begin(&asked);
    reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    match answer {
        Answer::Elsewhere => return None,
        Answer::NoSuchName(zone) => {
            *reply.rcode_mut() = RCODE::NameError;
            reply.name_servers.push(authority(zone)?);
        }
        Answer::NoData(zone) => reply.name_servers.push(authority(zone)?),
        Answer::Records { answers, additional } => {
            reply.answers = answers.iter().map(record).collect::<Option<_>>()?;
            reply.additional_records = additional.iter().map(record).collect::<Option<_>>()?;
        }
    }
    let announced = asked.opt().map_or(DATAGRAM, |opt| opt.udp_packet_size);
    let most = if in_a_datagram { usize::from(announced.max(DATAGRAM)).min(LONGEST) } else { usize::from(u16::MAX) };
    let mut bytes = reply.build_bytes_vec_compressed().ok()?;
    if bytes.len() > most {
        // They only save another question.
        reply.additional_records.clear();
        bytes = reply.build_bytes_vec_compressed().ok()?;
    }
    if bytes.len() > most {
        reply.set_flags(PacketFlag::TRUNCATION);
        reply.answers.clear();
        bytes = reply.build_bytes_vec_compressed().ok()?;
    }
    Some(bytes)
}

/// The message that says that no server answered.
pub(super) fn failure(question: &[u8]) -> Option<Vec<u8>> {
    let asked = Packet::parse(question).ok()?;
    let mut reply = begin(&asked);
    *reply.rcode_mut() = RCODE::ServerFailure;
    reply.build_bytes_vec_compressed().ok()
}

fn begin<'q>(asked: &Packet<'q>) -> Packet<'q> {
    let mut reply = Packet::new_reply(asked.id());
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE);
    if asked.has_flags(PacketFlag::RECURSION_DESIRED) {
        reply.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    reply.questions.clone_from(&asked.questions);
    if asked.opt().is_some() {
        let size = u16::try_from(LONGEST).unwrap_or(u16::MAX);
        *reply.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: size, version: 0 });
    }
    reply
}

fn record(record: &Record) -> Option<ResourceRecord<'_>> {
    let data = match &record.data {
        Data::A(address) => RData::A(A { address: u32::from(*address) }),
        Data::Srv { port, target } => {
            RData::SRV(SRV { priority: PRIORITY, weight: WEIGHT, port: *port, target: Name::new(target).ok()? })
        }
    };
    Some(ResourceRecord::new(Name::new(&record.name).ok()?, CLASS::IN, record.ttl, data))
}

/// What tells for how long the absence of a name may be remembered.
fn authority(zone: &str) -> Option<ResourceRecord<'_>> {
    let soa = SOA {
        mname: Name::new("ns-1536.awsdns-00.co.uk").ok()?,
        rname: Name::new("awsdns-hostmaster.amazon.com").ok()?,
        serial: 1,
        refresh: 7200,
        retry: 900,
        expire: 1_209_600,
        minimum: 86_400,
    };
    Some(ResourceRecord::new(Name::new(zone).ok()?, CLASS::IN, NEGATIVE_TTL, RData::SOA(soa)))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use simple_dns::Question as Asked;

    use super::*;

    fn asking(name: &str, kind: TYPE, size: Option<u16>) -> Vec<u8> {
        let mut packet = Packet::new_query(7);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        packet.questions.push(Asked::new(Name::new(name).unwrap(), kind.into(), CLASS::IN.into(), false));
        *packet.opt_mut() = size.map(|size| OPT { opt_codes: Vec::new(), udp_packet_size: size, version: 0 });
        packet.build_bytes_vec().unwrap()
    }

    fn eight() -> Answer {
        let target = |number: u8| format!("{:032x}.api.internal.local", number);
        let srv = |number| Record {
            name: "api.internal.local".to_owned(),
            ttl: 10,
            data: Data::Srv { port: 8000, target: target(number) },
        };
        let a = |number| Record { name: target(number), ttl: 10, data: Data::A(Ipv4Addr::new(172, 31, 2, number)) };
        Answer::Records { answers: (0..8).map(srv).collect(), additional: (0..8).map(a).collect() }
    }

    #[test]
    fn names_are_compared_without_case() {
        let message = asking("API.Internal.local", TYPE::AAAA, None);
        let expected = Question { name: "api.internal.local".to_owned(), kind: Kind::Record(RecordKind::Aaaa) };
        assert_eq!(question(&message), Some(expected));
        assert_eq!(question(b"not a message"), None);
    }

    #[test]
    fn an_answer_that_is_too_long_loses_what_can_be_asked_for_again() {
        let reply_to = |size, in_a_datagram| {
            let question = asking("api.internal.local", TYPE::SRV, size);
            reply(&question, &eight(), in_a_datagram).unwrap()
        };
        let counts = |bytes: &[u8]| {
            let packet = Packet::parse(bytes).unwrap();
            (packet.answers.len(), packet.additional_records.len(), packet.has_flags(PacketFlag::TRUNCATION))
        };
        assert_eq!(counts(&reply_to(Some(1232), true)), (8, 8, false));
        let plain = reply_to(None, true);
        assert!(plain.len() <= 512, "{}", plain.len());
        assert_eq!(counts(&plain).1, 0);
        assert_eq!(counts(&reply_to(None, false)), (8, 8, false));
    }

    #[test]
    fn a_name_that_does_not_exist_is_told_from_one_without_such_a_record() {
        let question = asking("x.internal.local", TYPE::A, None);
        let rcode = |answer| {
            let bytes = reply(&question, &answer, true).unwrap();
            let packet = Packet::parse(&bytes).unwrap();
            assert_eq!(packet.id(), 7);
            assert_eq!(packet.name_servers.len(), 1);
            packet.rcode()
        };
        assert_eq!(rcode(Answer::NoSuchName("internal.local".to_owned())), RCODE::NameError);
        assert_eq!(rcode(Answer::NoData("internal.local".to_owned())), RCODE::NoError);
    }
}
