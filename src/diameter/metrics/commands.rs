//! Commands that have a name of their own in the metrics, and who asks them. All others are `other`.

use super::messages::Direction;
use crate::diameter::dict::{accounting, base, s6a, s6c};

/// One command.
pub(super) struct Command {
    pub(super) code: u32,
    pub(super) name: &'static str,
    /// The applications it belongs to.
    pub(super) applications: &'static [u32],
    /// Which way its requests go where this node is what it is meant to be.
    pub(super) asked: &'static [Direction],
}

// TS 29.336, TS 29.128, TS 29.329, TS 29.338: the clauses named "Application-Id" or "Diameter application identifier".
const S6T: u32 = 16_777_345;
const T6A: u32 = 16_777_346;
const SH: u32 = 16_777_217;
const S6C: u32 = s6c::APPLICATION;

const IN: &[Direction] = &[Direction::In];
const OUT: &[Direction] = &[Direction::Out];
const BOTH: &[Direction] = &[Direction::In, Direction::Out];

const fn command(
    code: u32,
    name: &'static str,
    applications: &'static [u32],
    asked: &'static [Direction],
) -> Command {
    Command {
        code,
        name,
        applications,
        asked,
    }
}

/// What is looked for first comes most often.
pub(super) const COMMANDS: [Command; 22] = [
    command(316, "Update-Location", &[s6a::APPLICATION], IN),
    command(321, "Purge-UE", &[s6a::APPLICATION], IN),
    command(323, "Notify", &[s6a::APPLICATION], IN),
    command(8_388_719, "Reporting-Information", &[S6T, T6A], IN),
    command(309, "Push-Notification", &[SH], IN),
    command(271, "Accounting", &[accounting::APPLICATION], IN),
    command(317, "Cancel-Location", &[s6a::APPLICATION], IN),
    command(319, "Insert-Subscriber-Data", &[s6a::APPLICATION], IN),
    command(318, "Authentication-Information", &[s6a::APPLICATION], IN),
    command(320, "Delete-Subscriber-Data", &[s6a::APPLICATION], IN),
    command(322, "Reset", &[s6a::APPLICATION], IN),
    command(280, "Device-Watchdog", &[base::APPLICATION], BOTH),
    command(257, "Capabilities-Exchange", &[base::APPLICATION], BOTH),
    command(282, "Disconnect-Peer", &[base::APPLICATION], BOTH),
    command(8_388_718, "Configuration-Information", &[S6T, T6A], OUT),
    command(306, "User-Data", &[SH], OUT),
    command(307, "Profile-Update", &[SH], OUT),
    command(308, "Subscribe-Notifications", &[SH], OUT),
    command(8_388_647, "Send-Routing-Info-for-SM", &[S6C], BOTH),
    command(8_388_648, "Alert-Service-Centre", &[S6C], IN),
    command(8_388_649, "Report-SM-Delivery-Status", &[S6C], IN),
    command(0, OTHER, &[], &[]),
];

/// The name of all commands that have none.
pub(super) const OTHER: &str = "other";

/// The place of a command in [`COMMANDS`]; the last one for those without a name.
pub(super) fn place(code: u32) -> usize {
    COMMANDS
        .iter()
        .position(|command| command.code == code)
        .unwrap_or(COMMANDS.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_dictionaries_has_the_name_it_has_there() {
        let base = [
            base::CAPABILITIES_EXCHANGE,
            base::DEVICE_WATCHDOG,
            base::DISCONNECT_PEER,
        ];
        let s6a = (0..=400).filter_map(s6a::command_of).copied();
        let s6c = (8_388_600..8_388_700).filter_map(s6c::command_of).copied();
        let mut checked = 0;
        for def in base
            .into_iter()
            .chain(s6a)
            .chain(s6c)
            .chain([accounting::ACCOUNTING])
        {
            let command = &COMMANDS[place(def.code)];
            assert_eq!(command.name, def.name);
            assert_eq!(command.applications, [def.application], "{}", def.name);
            checked += 1;
        }
        assert_eq!(checked, 15);
    }

    #[test]
    fn a_command_stands_in_the_table_once() {
        for (index, command) in COMMANDS.iter().enumerate() {
            assert_eq!(place(command.code), index, "{}", command.name);
        }
        assert_eq!(COMMANDS[place(999)].name, OTHER);
    }
}
