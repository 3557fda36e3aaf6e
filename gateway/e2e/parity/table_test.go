package parity

import (
	"bufio"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport/transporttest"
)

// The scenarios of biboumi's own suite, by which its users' habits are known.
var behaviours = strings.Fields(`
basic_handshake_success basic_subscribe_unsubscribe channel_custom_topic channel_force_join channel_history
channel_history_on_fixed_server channel_join_on_fixed_irc_server channel_join_with_different_nick channel_join_with_password
channel_join_with_two_users channel_list_escaping channel_list_with_rsm channel_messages client_error
complete_channel_list_with_pages_of_3 configure_bad_value default_channel_list_limit default_mam_limit encoded_channel_join
execute_admin_disconnect_from_server_adhoc_command execute_disconnect_user_adhoc_command execute_forbidden_adhoc_command
execute_hello_adhoc_command execute_incomplete_hello_adhoc_command execute_ping_adhoc_command execute_reload_adhoc_command
fixed_irc_server_subscription fixed_muc_disco_info get_irc_connection_info get_irc_connection_info_fixed global_configure
global_configure_fixed global_configure_persistent_by_default invite_other irc_channel_configure irc_channel_configure_fixed
irc_channel_configure_xep0045 irc_server_configure irc_server_connection irc_server_connection_failure
irc_server_presence_in_roster irc_server_presence_subscription irc_tls_connection join_history_limit leave_unjoined_chan
list_adhoc list_adhoc_fixed_server list_adhoc_irc list_admin_adhoc list_admin_adhoc_fixed_server list_muc_user_adhoc
mam_on_fixed_server mam_with_timestamps mode_change muc_disco_info muc_message_from_unjoined_resource muc_traffic_info
multiline_message multiline_topic multiple_channels_join multisession_kick multisessionnick nick_change nick_change_in_join
not_connected_error notices persistent_channel quit raw_message raw_message_fixed_irc_server
resource_is_removed_from_server_when_last_chan_is_left sasl self_disco_info self_ping_fixed_server self_ping_not_in_muc
self_ping_on_real_channel self_ping_with_error self_version simple_channel_join simple_channel_join_fixed simple_channel_list
simple_kick simple_mam slash_me_channel_message stable_id`)

const defects = 18

var testName = regexp.MustCompile(`\bTest[A-Z]\w+`)

// readme gives the rows of the table under a heading of the README.
func readme(t *testing.T, heading string) (rows [][]string) {
	t.Helper()
	f, err := os.Open("../../../transports/irc/README.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inside := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if title, ok := strings.CutPrefix(line, "## "); ok {
			inside = title == heading
		}
		if !inside || !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	if len(rows) < 2 {
		t.Fatalf("there is no table under %q", heading)
	}
	return rows[1:]
}

func TestEveryBehaviourHasARowAndATest(t *testing.T) {
	tests := transporttest.Declared(t, "../../..")
	var named []string
	for _, row := range readme(t, "What biboumi does") {
		named = append(named, strings.Trim(row[0], "`"))
		shown := testName.FindAllString(row[2], -1)
		if len(shown) == 0 {
			t.Errorf("no test shows %s", row[0])
		}
		for _, name := range shown {
			if !tests[name] {
				t.Errorf("%s is shown by %s, which is not there", row[0], name)
			}
		}
	}
	slices.Sort(named)
	slices.Sort(behaviours)
	if len(behaviours) != 85 {
		t.Errorf("there are %d behaviours, want 85", len(behaviours))
	}
	if d := cmp.Diff(behaviours, named); d != "" {
		t.Errorf("the rows differ (-want +got):\n%s", d)
	}
}

func TestEveryDefectHasARowAndATest(t *testing.T) {
	tests := transporttest.Declared(t, "../../..")
	rows := readme(t, "What biboumi does badly")
	if len(rows) != defects {
		t.Errorf("there are %d rows, want %d", len(rows), defects)
	}
	for _, row := range rows {
		shown := testName.FindAllString(row[len(row)-1], -1)
		if len(shown) == 0 {
			t.Errorf("no test shows %q", row)
		}
		for _, name := range shown {
			if !tests[name] {
				t.Errorf("defect %s: there is no test %s", row[0], name)
			}
		}
	}
}
