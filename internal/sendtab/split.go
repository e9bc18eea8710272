package sendtab

import "encoding/json"

// SplitURLs divides URLs into lists that [SealURLs] accepts, in their order, each URL once: at
// most max lists. rest are those that are too long for any message, or for which there is no
// list left.
func SplitURLs(urls []string, max int) (messages [][]string, rest []string) {
	empty, err := json.Marshal(closeMessage{flow: flow{FlowID: flowIDForm, StreamID: flowIDForm}, URLs: []string{}})
	if err != nil {
		return nil, urls
	}
	size := MaxCleartext // of the last message: there is none with room
	seen := map[string]bool{}
	for _, u := range urls {
		if seen[u] {
			continue
		}
		seen[u] = true
		text, err := json.Marshal(u)
		n := len(text) + len(",")
		switch {
		case err != nil || len(empty)+n > MaxCleartext:
			rest = append(rest, u)
			continue
		case size+n > MaxCleartext && len(messages) == max:
			rest = append(rest, u)
			continue
		case size+n > MaxCleartext:
			messages = append(messages, nil)
			size = len(empty)
		}
		size += n
		messages[len(messages)-1] = append(messages[len(messages)-1], u)
	}
	return messages, rest
}

// flowIDForm is as long as an ID that newFlow makes.
const flowIDForm = "0123456789abcdef"
