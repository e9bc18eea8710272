package main

import (
	"github.com/spf13/cobra"
)

func (a *app) tabsCommand() *cobra.Command {
	list := a.tabsListCommand()
	noun := &cobra.Command{
		Use:   "tabs",
		Short: "List the open tabs of all devices, and edit this one's",
		Args:  cobra.NoArgs,
		RunE:  list.RunE,
	}
	noun.AddCommand(list, a.tabsOpenCommand(), a.tabsCloseCommand(), a.tabsInboxCommand())
	return noun
}
